/**
 * Two pairs and prompts that begin alike, group by group: how much of them the prefill engines had cached, as they report
 * it, is compared with what they have when each group is pinned to one pair.
 */
import type { Checks } from '../../report/part.ts'
import type { LabEngines } from '../setup/setup.ts'
import { cachedShare, percent, REQUIRED_SHARE } from './cached-share.ts'

export interface CacheTargets {
  /** Each pair alone. */
  readonly pinned: readonly LabEngines[]
  readonly all: LabEngines
  /** Of all engines, whose caches are emptied before each run. */
  readonly urls: readonly string[]
  readonly signal: AbortSignal
}

export async function checkPrefixCaches(targets: CacheTargets, checks: Checks): Promise<void> {
  const { pinned, all, urls, signal } = targets
  const shareOf = (fleets: readonly LabEngines[], flags: readonly string[] = []): Promise<number> =>
    cachedShare({ fleets, flags, urls, signal }, checks)
  const ideal = await shareOf(pinned)
  const found = await shareOf([all])
  const blind = await shareOf([all], ['--policy', 'least_load'])
  const text = `${percent(found)} cached, ${percent(ideal)} with each group pinned to a pair, ${percent(blind)} by load`
  checks.note(text)
  const required = REQUIRED_SHARE * ideal
  // Blind routing computes each beginning on both pairs.
  checks.add('the cached share with cache_aware', found >= required ? undefined : text)
  checks.add('the cached share with least_load, which must be smaller', blind < required ? undefined : text)
}
