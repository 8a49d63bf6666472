/**
 * What an engine's KV cache is believed to hold: what the engine has used since it computed the last `window` bytes of
 * prompts. Pure.
 *
 * Engines evict what was not used for longest, so one that computes much forgets soon. How much it remembers is learned
 * from what it reports: the gateway knows how long ago, in bytes computed since, the beginning of a prompt was used, and
 * the engine reports how much of it was still cached.
 */

export interface CacheWindow {
  /** A prefix is believed to be cached if it was used within this many computed bytes. */
  readonly window: number
  /** Upper bound of `window`, which grows up to it with what is computed: what the cache has room for. */
  readonly capacity: number
  /** The oldest prefix that was found to be cached since the cache was last lost, in computed bytes. */
  readonly longestHit: number
}

/** What one response says about a prefix that the engine has used before. */
export interface CacheReport {
  /** Computed bytes since the prefix was last used. */
  readonly age: number
  /** Size of the prefix in bytes, more than 0. */
  readonly bytes: number
  /** How many of them were still cached. */
  readonly cached: number
}

/** The share of a prefix that must be cached for a hit: engines cache whole pages, and tokens differ in length. */
const HIT_SHARE = 0.8
/** Below this share nothing of use was cached. */
const LOST_SHARE = 0.1
/** Eviction is not exact: other requests hold memory, too. */
const MARGIN = 0.9
/** The share of a prompt by which more may be cached than was expected: beginnings that all prompts have in common. */
const UNEXPECTED_SHARE = 0.1

/** A prediction for a prompt, with what the engine reports. All in bytes. */
export interface PredictionOutcome extends CacheReport {
  readonly promptBytes: number
  /** How many bytes of the prompt were expected to be cached, at most `bytes` unless the engine itself had said more. */
  readonly predicted: number
}

/** How the prediction was wrong, if it was. `known`: before it is corrected. */
export function correctionOf(
  known: CacheWindow,
  outcome: PredictionOutcome,
): 'evicted' | 'lost' | 'unexpected' | undefined {
  const { promptBytes, predicted, cached } = outcome
  if (cached < HIT_SHARE * predicted) return isLost(known, outcome) ? 'lost' : 'evicted'
  return cached - predicted >= UNEXPECTED_SHARE * promptBytes ? 'unexpected' : undefined
}

/** What to believe after the report. `known` itself if nothing changes. */
export function learn(known: CacheWindow, report: CacheReport): CacheWindow {
  const { age, bytes, cached } = report
  if (cached >= HIT_SHARE * bytes) {
    if (age <= known.longestHit) return known
    const capacity = Math.max(known.capacity, age / MARGIN)
    return { longestHit: age, capacity, window: Math.max(known.window, age) }
  }
  if (isLost(known, report)) return { ...known, window: 0, longestHit: 0 }
  // It was not expected either. After a loss many such reports come, and they say nothing of how much there is room for.
  if (age > known.window) return known
  const capacity = MARGIN * age
  return {
    capacity,
    window: Math.min(known.window, capacity),
    longestHit: Math.min(known.longestHit, capacity),
  }
}

/** Whether a prefix that was used earlier was there: then the engine has not evicted this one, it has lost its cache. */
function isLost({ longestHit }: CacheWindow, { age, bytes, cached }: CacheReport): boolean {
  return cached < LOST_SHARE * bytes && age < MARGIN * longestHit
}
