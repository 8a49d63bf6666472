/** Sends prompts that begin alike and reads how much of them the engines say they had cached. */
import { promptCounts } from '../../../bench/cache/prediction.ts'
import { send } from '../../client/request.ts'
import type { Checks } from '../../report/part.ts'
import { GENERATE } from '../cases/case.ts'
import { sharedPrefixes } from '../load/shared-prefixes.ts'
import { type LabEngines, withGateway } from '../setup/setup.ts'

const CLIENTS = 4
const LIMIT_MS = 180_000

/** The least share that must be cached, of the best there can be. */
export const REQUIRED_SHARE = 0.95

export interface CacheRun {
  /** A gateway is started in front of each. */
  readonly fleets: readonly LabEngines[]
  /** Of all engines, whose caches are emptied first. */
  readonly urls: readonly string[]
  readonly flags: readonly string[]
  readonly signal: AbortSignal
}

/** Sends the same requests each time, group by group to the fleets in turn. @returns the cached share of all prompts. */
export async function cachedShare(
  { fleets, urls, flags, signal }: CacheRun,
  checks: Checks,
): Promise<number> {
  for (const url of urls) {
    const { status } = await send({ url: `${url}/flush_cache`, signal })
    checks.add('the cache of an engine is emptied', status === 200 ? undefined : `status ${status}`)
  }
  return withGateways(fleets, flags, async gateways => {
    await sendAll(gateways, signal, checks)
    const metrics = await Promise.all(gateways.map(gateway => gateway.metrics()))
    return shareIn(metrics)
  })
}

interface Gateway {
  readonly url: string
  readonly metrics: () => Promise<string>
}

/** Starts a gateway in front of each fleet, and closes all of them whatever `use` does. */
function withGateways<T>(
  [fleet, ...others]: readonly LabEngines[],
  flags: readonly string[],
  use: (gateways: readonly Gateway[]) => Promise<T>,
): Promise<T> {
  if (fleet === undefined) return use([])
  return withGateway(fleet, flags, (url, metrics) =>
    withGateways(others, flags, gateways => use([{ url, metrics }, ...gateways])),
  )
}

async function sendAll(gateways: readonly Gateway[], signal: AbortSignal, checks: Checks): Promise<void> {
  const requests = [...sharedPrefixes()]
  const client = async (): Promise<void> => {
    for (let next = requests.shift(); next !== undefined && !signal.aborted; next = requests.shift()) {
      const url = gateways[next.group % gateways.length]?.url ?? ''
      const body = { input_ids: next.ids, sampling_params: { temperature: 0, max_new_tokens: 4 } }
      const answer = await send({ url: `${url}${GENERATE}`, body, signal, limitMs: LIMIT_MS })
      const { status, end } = answer
      const isRight = status === 200 && end === 'complete'
      checks.add('an answer', isRight ? undefined : `status ${status}, ${end}: ${answer.body.slice(0, 300)}`)
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, client))
}

/** As the engines report it to the gateways. */
function shareIn(metrics: readonly string[]): number {
  return total(metrics, 'cached') / total(metrics, 'prompt')
}

/** As the engines have reported them to the gateway with these metrics. */
export function cachedTokens(metrics: string): number {
  return total([metrics], 'cached')
}

function total(metrics: readonly string[], name: 'prompt' | 'cached'): number {
  const counts = metrics.flatMap(text => [...promptCounts(text).values()])
  return counts.reduce((sum, count) => sum + count[name], 0)
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(1)}%`
}
