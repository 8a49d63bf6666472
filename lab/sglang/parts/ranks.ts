/**
 * Engines with two data-parallel ranks, each with a cache of its own: prompts find what they begin with only if the gateway
 * names the rank and the engine obeys. Left to themselves, ranks take turns.
 */
import type { Checks } from '../../report/part.ts'
import { BEST_SHARE } from '../load/shared-prefixes.ts'
import type { LabEngines } from '../setup/setup.ts'
import { cachedShare, percent, REQUIRED_SHARE } from './cached-share.ts'

/** Without cores of its own for each, an engine refuses more ranks than the machine has NUMA nodes (SGLang 0.5.23). */
export const TWO_RANKS = { flags: ['--dp-size', '2'], env: { SGLANG_CPU_OMP_THREADS_BIND: '0|1' } } as const

export interface RankTargets {
  readonly unified: LabEngines
  /** Only its prefill engine has ranks. */
  readonly pair: LabEngines
  readonly urls: readonly string[]
  readonly signal: AbortSignal
}

export async function checkRanks(
  { unified, pair, urls, signal }: RankTargets,
  checks: Checks,
): Promise<void> {
  const shareOf = (fleet: LabEngines, flags: readonly string[] = []): Promise<number> =>
    cachedShare({ fleets: [fleet], flags, urls, signal }, checks)
  const named = await shareOf(unified)
  const own = await shareOf(unified, ['--data-parallel-ranks', 'off'])
  const inPair = await shareOf(pair)
  const text = `unified ${percent(named)} cached, ${percent(own)} if the engine chooses the rank; pair ${percent(inPair)}`
  checks.note(`${text}; at best ${percent(BEST_SHARE)}`)
  const required = REQUIRED_SHARE * BEST_SHARE
  checks.add('the cached share of a unified engine', named >= required ? undefined : text)
  checks.add('its share if it chooses the rank, which must be smaller', own < required ? undefined : text)
  checks.add('the cached share of a pair', inPair >= required ? undefined : text)
}
