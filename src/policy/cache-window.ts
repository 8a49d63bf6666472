/**
 * What an engine's KV cache is believed to hold: what the engine has used since it computed the last `window` bytes of
 * prompts. Pure.
 *
 * Engines evict what was not used for longest, so one that computes much forgets soon. How much it remembers is learned
 * from what it reports: the gateway knows how long ago, in bytes computed since, the beginning of a prompt was used, and
 * the engine reports how much of it was still cached.
 *
 * A report of less than was expected counts only if it shows that the engine has forgotten something. It does not where
 * the engine was still computing the beginning, where what is believed has been corrected since the engine got the prompt,
 * or where tokens of unequal length explain it.
 */

export interface CacheWindow {
  /** A prefix is believed to be cached if it was used within this many computed bytes. */
  readonly window: number
  /** Upper bound of `window`, which grows up to it with what is computed: what the cache has room for. */
  readonly capacity: number
  /** The oldest prefix that was found to be cached since the cache was last lost, in computed bytes. */
  readonly longestHit: number
}

/** What was known of a prompt when its engine got it. Sizes are in bytes. */
export interface PromptPrediction {
  readonly promptBytes: number
  /** How much of the prompt the engine was expected to have cached, at most `usedBytes` unless it had said more itself. */
  readonly predicted: number
  /** Whether the engine was still computing some of that. It caches what it has computed, not what it has begun. */
  readonly isUnderway: boolean
  /** How much of the prompt the engine has ever used, as far as is known: the prefix. 0 if nothing. */
  readonly usedBytes: number
  /** What the engine had computed since it last used the prefix. */
  readonly age: number
  /** `CacheWindow.window` at that time. */
  readonly window: number
}

/** A prediction, with what the engine reports of the prompt. */
export interface PredictionOutcome extends PromptPrediction {
  /** How many bytes of the prompt were cached, if all its tokens were of equal length. */
  readonly cached: number
  /** How many tokens of the prompt were not. */
  readonly uncachedTokens: number
}

/** The share of a prefix that must be cached for a hit: engines cache whole pages, and tokens differ in length. */
const HIT_SHARE = 0.8
/** Below this share nothing of use was cached. */
const LOST_SHARE = 0.1
/** Eviction is not exact: other requests hold memory, too. */
const MARGIN = 0.9
/** The share of a prompt by which more may be cached than was expected: beginnings that all prompts have in common. */
const UNEXPECTED_SHARE = 0.1
/** A token of a dense text, such as digits or hashes, has this many bytes. Others have three to five. */
const DENSE_TOKEN_BYTES = 1.5

/** How the prediction was wrong, if it was. `known`: before it is corrected. */
export function correctionOf(
  known: CacheWindow,
  outcome: PredictionOutcome,
): 'evicted' | 'lost' | 'unexpected' | undefined {
  const { promptBytes, predicted, cached } = outcome
  if (cached >= HIT_SHARE * predicted)
    return cached - predicted >= UNEXPECTED_SHARE * promptBytes ? 'unexpected' : undefined
  if (isOutdated(known, outcome) || mayBeWhole(outcome, predicted)) return undefined
  return isLost(known, outcome) ? 'lost' : 'evicted'
}

/** What to believe after the report. `known` itself if nothing changes. */
export function learn(known: CacheWindow, outcome: PredictionOutcome): CacheWindow {
  const { age, usedBytes, cached, window } = outcome
  if (usedBytes === 0) return known
  if (cached >= HIT_SHARE * usedBytes) {
    if (age <= known.longestHit) return known
    const capacity = Math.max(known.capacity, age / MARGIN)
    return { longestHit: age, capacity, window: Math.max(known.window, age) }
  }
  // It was not expected either, or a report of the same loss has come before. After a loss many such reports come, and they
  // say nothing of how much there is room for.
  if (age > window || isOutdated(known, outcome) || mayBeWhole(outcome, usedBytes)) return known
  if (isLost(known, outcome)) return { ...known, window: 0, longestHit: 0 }
  if (age === 0) return known
  const capacity = MARGIN * age
  return {
    capacity,
    window: Math.min(known.window, capacity),
    longestHit: Math.min(known.longestHit, capacity),
  }
}

/** Whether a report of less says nothing about what is believed now: only corrections make the window smaller. */
function isOutdated(known: CacheWindow, { isUnderway, window }: PromptPrediction): boolean {
  return isUnderway || known.window < window
}

/**
 * Whether a prefix that was used earlier was there: then the engine has not evicted this one, it has lost its cache. No
 * engine has so little room that it evicts what it has just used.
 */
function isLost({ longestHit }: CacheWindow, { age, usedBytes, cached }: PredictionOutcome): boolean {
  return cached < LOST_SHARE * usedBytes && (age === 0 || age < MARGIN * longestHit)
}

/** Whether the beginning of this size may all have been cached, because the tokens after it are as many as reported. */
function mayBeWhole(
  { promptBytes, usedBytes, cached, uncachedTokens }: PredictionOutcome,
  bytes: number,
): boolean {
  if (cached < LOST_SHARE * Math.max(bytes, usedBytes)) return false
  return uncachedTokens * DENSE_TOKEN_BYTES <= promptBytes - bytes
}
