/** What one load measured: a cell of the comparison. Pure. */
import type { EngineCounters } from '../environment/fleet/messages.ts'
import type { LoadResult } from '../load/records/result.ts'
import { failureText } from '../report/failures.ts'
import { levelOf } from '../report/level.ts'

export interface Cell {
  readonly sent: number
  readonly correct: number
  /** What went wrong, most frequent first; undefined if nothing did. */
  readonly failures: string | undefined
  /** Cached share of all prompt tokens, by the engines' reports. */
  readonly hitPercent: number
  readonly ttftMeanMs: number
  readonly ttftP50Ms: number
  readonly ttftP99Ms: number
  /** Prompt tokens that each engine had to compute, the most first. */
  readonly uncachedTokens: readonly number[]
}

/** `before` and `after`: counters of all engines before and after the load, in the same order. */
export function cellOf(
  result: LoadResult,
  before: readonly EngineCounters[],
  after: readonly EngineCounters[],
): Cell {
  const { requests, prefixCache, ttftMs } = levelOf('', result)
  const uncachedTokens = after.flatMap(({ role, computedTokens }, index) =>
    role === 'decode' ? [] : [computedTokens - (before[index]?.computedTokens ?? 0)],
  )
  return {
    sent: result.plan.requests,
    correct: requests.ok,
    failures: failureText(result, result.plan.requests),
    hitPercent: prefixCache?.hitPercent ?? Number.NaN,
    ttftMeanMs: ttftMs?.mean ?? Number.NaN,
    ttftP50Ms: ttftMs?.p50 ?? Number.NaN,
    ttftP99Ms: ttftMs?.p99 ?? Number.NaN,
    uncachedTokens: uncachedTokens.toSorted((a, b) => b - a),
  }
}

/** The most tokens that an engine computed, as a multiple of the mean. */
export function unevenness({ uncachedTokens }: Cell): number {
  const sum = uncachedTokens.reduce((total, tokens) => total + tokens, 0)
  return sum === 0 ? 1 : ((uncachedTokens[0] ?? 0) * uncachedTokens.length) / sum
}
