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

/** What to believe after the report. `known` itself if nothing changes. */
export function learn(known: CacheWindow, { age, bytes, cached }: CacheReport): CacheWindow {
  if (cached >= HIT_SHARE * bytes) {
    if (age <= known.longestHit) return known
    const capacity = Math.max(known.capacity, age / MARGIN)
    return { longestHit: age, capacity, window: Math.max(known.window, age) }
  }
  // A prefix that was used earlier was there: so the engine has not evicted this one, it has lost its cache.
  const isLost = cached < LOST_SHARE * bytes && age < MARGIN * known.longestHit
  if (isLost) return { ...known, window: 0, longestHit: 0 }
  const capacity = MARGIN * age
  return {
    capacity,
    window: Math.min(known.window, capacity),
    longestHit: Math.min(known.longestHit, capacity),
  }
}
