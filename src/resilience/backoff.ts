/** How long to wait before another attempt. Pure. */
import type { Random } from '../core/random.ts'

export interface BackoffOptions {
  readonly initialBackoffMs: number
  readonly maxBackoffMs: number
  /** Growth from one wait to the next, 1 or more. */
  readonly backoffMultiplier: number
  /** Share of the wait that chance may take away, 0..1. */
  readonly jitterFactor: number
}

/** Wait before retry number `retry` (1 or more), in milliseconds; never above `maxBackoffMs`. */
export function backoffMs(retry: number, options: BackoffOptions, random: Random): number {
  const fullMs = Math.min(
    options.initialBackoffMs * options.backoffMultiplier ** (retry - 1),
    options.maxBackoffMs,
  )
  return fullMs * (1 - options.jitterFactor * random())
}
