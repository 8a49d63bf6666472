/** How much the engines still have to do, by their own count. */
import { member } from '../../../bench/json/member.ts'
import { parseJson } from '../../../src/core/text/parse-json.ts'
import { send } from '../../client/request.ts'

/** Requests that the engine runs or that wait in it. */
export async function openRequests(engine: string): Promise<number> {
  const { body } = await send({ url: `${engine}/v1/loads?include=all`, method: 'GET' })
  const loads = member(parseJson(body), 'loads')
  const load: unknown = Array.isArray(loads) ? loads[0] : undefined
  return ['num_running_reqs', 'num_waiting_reqs'].reduce(
    (sum, name) => sum + Number(member(load, name) ?? 0),
    0,
  )
}
