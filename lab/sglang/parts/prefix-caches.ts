/**
 * Two pairs and prompts that begin alike, group by group: how much of them the prefill engines had cached, as they report
 * it, is compared with what they have when each group is pinned to one pair.
 */
import { send } from '../../client/request.ts'
import type { Checks } from '../../report/part.ts'
import { GENERATE } from '../cases/case.ts'
import { sharedPrefixes } from '../load/shared-prefixes.ts'
import { type LabEngines, withGateway } from '../setup/setup.ts'

export interface CacheTargets {
  /** Each pair alone. */
  readonly pinned: readonly LabEngines[]
  readonly all: LabEngines
  /** Of all engines, whose caches are emptied before each run. */
  readonly urls: readonly string[]
  readonly signal: AbortSignal
}

const CLIENTS = 4
const LIMIT_MS = 180_000
/** The least share of the pinned run. Blind routing computes each beginning on both pairs, so it has less. */
const REQUIRED_SHARE = 0.95

export async function checkPrefixCaches(targets: CacheTargets, checks: Checks): Promise<void> {
  const { pinned, all } = targets
  const ideal = await run(targets, { fleets: pinned, flags: [] }, checks)
  const found = await run(targets, { fleets: [all], flags: [] }, checks)
  const blind = await run(targets, { fleets: [all], flags: ['--policy', 'least_load'] }, checks)
  const text = `${percent(found)} cached, ${percent(ideal)} with each group pinned to a pair, ${percent(blind)} by load`
  checks.note(text)
  const required = REQUIRED_SHARE * ideal
  checks.add('the cached share with cache_aware', found >= required ? undefined : text)
  checks.add('the cached share with least_load, which must be smaller', blind < required ? undefined : text)
}

interface Run {
  /** A gateway is started in front of each. */
  readonly fleets: readonly LabEngines[]
  readonly flags: readonly string[]
}

/** Sends the same requests each time, group by group to the fleets in turn. @returns the cached share of all prompts. */
async function run({ urls, signal }: CacheTargets, { fleets, flags }: Run, checks: Checks): Promise<number> {
  for (const url of urls) {
    const { status } = await send({ url: `${url}/flush_cache`, signal })
    checks.add('the cache of an engine is emptied', status === 200 ? undefined : `status ${status}`)
  }
  return withGateways(fleets, flags, async gateways => {
    await sendAll(gateways, signal, checks)
    const metrics = await Promise.all(gateways.map(gateway => gateway.metrics()))
    return cachedShare(metrics.join('\n'))
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
function cachedShare(metrics: string): number {
  const totalOf = (name: string): number =>
    [...metrics.matchAll(new RegExp(`^${name}\\{[^}]*\\} (\\d+)$`, 'gm'))].reduce(
      (sum, [, value]) => sum + Number(value),
      0,
    )
  return totalOf('pdgw_engine_cached_tokens_total') / totalOf('pdgw_engine_prompt_tokens_total')
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)}%`
}
