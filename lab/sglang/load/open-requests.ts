/** How much the engines still have to do, by their own count. */
import { member } from '../../../bench/json/member.ts'
import { parseJson } from '../../../src/core/text/parse-json.ts'
import { send } from '../../client/request.ts'

export interface EngineLoad {
  /** Requests in the running batch. */
  readonly running: number
  readonly waiting: number
}

/** Requests that the engine runs or that wait in it. */
export async function openRequests(engine: string): Promise<number> {
  const { running, waiting } = await loadOf(engine)
  return running + waiting
}

/** What an engine reports is a moment old. */
export async function loadOf(engine: string): Promise<EngineLoad> {
  const { body } = await send({ url: `${engine}/v1/loads?include=all`, method: 'GET' })
  const loads = member(parseJson(body), 'loads')
  const load: unknown = Array.isArray(loads) ? loads[0] : undefined
  const count = (name: string) => Number(member(load, name) ?? 0)
  return { running: count('num_running_reqs'), waiting: count('num_waiting_reqs') }
}
