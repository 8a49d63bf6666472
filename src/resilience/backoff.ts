/** Exponential backoff with jitter: how long to wait before another attempt. Pure. */
import type { Random } from '../core/random.ts'

export interface BackoffOptions {
  /** Wait before the first retry. */
  readonly initialBackoffMs: number
  readonly maxBackoffMs: number
  /** Factor from one wait to the next, 1 or more. */
  readonly backoffMultiplier: number
  /** Largest share of the wait that is taken off at random, 0 to 1. */
  readonly jitterFactor: number
}

/** Wait before retry number `retry` (1 or more), in milliseconds; at most `maxBackoffMs`. */
export function backoffMs(retry: number, options: BackoffOptions, random: Random): number {
  const fullMs = Math.min(
    options.initialBackoffMs * options.backoffMultiplier ** (retry - 1),
    options.maxBackoffMs,
  )
  return fullMs * (1 - options.jitterFactor * random())
}
