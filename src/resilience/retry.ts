/**
 * Retry policy: may a failed attempt be followed by another, and after how long.
 *
 * Pure. The caller owns the clock, the wait and the choice of the next pair.
 */
import type { Random } from '../core/random.ts'
import { type BackoffOptions, backoffMs } from './backoff.ts'

export interface RetryOptions extends BackoffOptions {
  /** Attempts after the first, 0 or more. */
  readonly maxRetries: number
}

export interface FailedAttempt {
  /** Retries made so far: 0 after the first attempt. */
  readonly retries: number
  readonly isRetryable: boolean
  /** A keep-alive connection was dead before the engine saw the request: another attempt at once costs nobody. */
  readonly wasStale: boolean
  /** Whether such a free attempt was taken already: it is given once a request. */
  readonly hadFreeAttempt: boolean
  /** The engine's own wish, in milliseconds. */
  readonly retryAfterMs: number | undefined
  /** What is left of the request's deadline, in milliseconds. */
  readonly remainingMs: number
}

export type RetryDecision =
  | { readonly retry: true; readonly delayMs: number; readonly isFree: boolean }
  | { readonly retry: false; readonly because: StopReason }

type StopReason = 'not-retryable' | 'retries-spent' | 'deadline'

export function decideRetry(failed: FailedAttempt, options: RetryOptions, random: Random): RetryDecision {
  if (!failed.isRetryable) return { retry: false, because: 'not-retryable' }
  if (failed.remainingMs <= 0) return { retry: false, because: 'deadline' }
  if (failed.wasStale && !failed.hadFreeAttempt) return { retry: true, delayMs: 0, isFree: true }
  if (failed.retries >= options.maxRetries) return { retry: false, because: 'retries-spent' }

  // An engine that names its own delay knows better than our curve, but never shortens it.
  const delayMs = Math.max(backoffMs(failed.retries + 1, options, random), failed.retryAfterMs ?? 0)
  return delayMs < failed.remainingMs
    ? { retry: true, delayMs, isFree: false }
    : { retry: false, because: 'deadline' }
}
