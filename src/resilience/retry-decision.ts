/**
 * Retry policy: decides whether another attempt follows a failed one, and after how long.
 *
 * Pure. The caller owns the clock, the wait and the choice of the next pair.
 */
import type { Random } from '../core/random.ts'
import { type BackoffOptions, backoffMs } from './backoff.ts'

/** Whether and when a failed attempt may be followed by another. */
export type RetryAdvice =
  /** Another attempt would fail for the same reason. */
  | { readonly kind: 'never' }
  /**
   * The engine never saw the request, because a kept-alive connection was already closed. The next attempt may start at
   * once, on new connections. It is granted once per request and costs no budget.
   */
  | { readonly kind: 'fresh-connection' }
  /** After the backoff, but on that engine no sooner than `minDelayMs`, which is its own `Retry-After` or 0. */
  | {
      readonly kind: 'backoff'
      readonly minDelayMs: number
      /** The client's own shortened timer ended the attempt: what it brings about must not cost the others budget. */
      readonly isClientTimeout?: boolean
    }
  /** This machine ran out of descriptors, ports or buffers. Waiting it out counts as no retry and costs no budget. */
  | { readonly kind: 'local-shortage' }

export interface RetryOptions extends BackoffOptions {
  /** Attempts after the first, 0 or more. */
  readonly maxRetries: number
  /** How long engines have to show that they live, in milliseconds. */
  readonly lossHoldMs: number
}

export interface FailedAttempt {
  readonly advice: RetryAdvice
  /** Retries made so far: 0 after the first attempt. */
  readonly retries: number
  /** Whether the request has used its one attempt on fresh connections. */
  readonly hadFreeAttempt: boolean
  /**
   * Time in ms left for engines to show that they live, which the request may have ended; 0 or less when it is over.
   * `undefined` if it need not wait for that.
   */
  readonly signOfLifeLeftMs: number | undefined
  /** Time left until the request's deadline, in milliseconds; may be negative. */
  readonly remainingMs: number
}

export type RetryDecision =
  /** Costs one retry and, if `costsBudget`, one unit of the retry budget, unless a sound pair takes it. */
  | { readonly kind: 'retry'; readonly delayMs: number; readonly costsBudget: boolean }
  /** On new connections; costs nothing. */
  | { readonly kind: 'free-attempt'; readonly delayMs: 0 }
  /** Costs nothing; only the deadline ends it. */
  | { readonly kind: 'shortage-wait'; readonly delayMs: number }
  /** Costs nothing: after the delay the same failure is decided on again, as an engine may have shown that it lives. */
  | { readonly kind: 'sign-of-life-wait'; readonly delayMs: number }
  | { readonly kind: 'give-up'; readonly because: StopReason }

type StopReason = 'not-retryable' | 'retries-spent' | 'deadline' | 'may-end-engines'

/** Mean pause after a local shortage. */
const SHORTAGE_WAIT_MS = 50
/** The first poll for a sign of life: under load an engine shows one within milliseconds. */
const FIRST_POLL_MS = 20

export function decideRetry(failed: FailedAttempt, options: RetryOptions, random: Random): RetryDecision {
  const decision = decideByAdvice(failed, options, random)
  const leftMs = failed.signOfLifeLeftMs
  if (leftMs === undefined || decision.kind === 'give-up') return decision
  // Each poll comes twice as late as the one before, because thousands of requests may be waiting.
  const delayMs = Math.min(leftMs, Math.max(FIRST_POLL_MS, options.lossHoldMs - leftMs))
  if (delayMs <= 0 || delayMs >= failed.remainingMs) return giveUp('may-end-engines')
  return { kind: 'sign-of-life-wait', delayMs }
}

function decideByAdvice(failed: FailedAttempt, options: RetryOptions, random: Random): RetryDecision {
  switch (failed.advice.kind) {
    case 'never':
      return giveUp('not-retryable')
    case 'local-shortage':
      return { kind: 'shortage-wait', delayMs: SHORTAGE_WAIT_MS * (0.5 + random()) }
    case 'fresh-connection':
      return failed.hadFreeAttempt || failed.remainingMs <= 0
        ? retryAfter(0, failed, options, random)
        : { kind: 'free-attempt', delayMs: 0 }
    case 'backoff':
      return retryAfter(failed.advice.minDelayMs, failed, options, random)
  }
}

function retryAfter(
  minDelayMs: number,
  { advice, retries, remainingMs }: FailedAttempt,
  options: RetryOptions,
  random: Random,
): RetryDecision {
  if (remainingMs <= 0) return giveUp('deadline')
  if (retries >= options.maxRetries) return giveUp('retries-spent')
  // An engine that names a delay may lengthen the backoff, never shorten it.
  const delayMs = Math.max(backoffMs(retries + 1, options, random), minDelayMs)
  if (delayMs >= remainingMs) return giveUp('deadline')
  return { kind: 'retry', delayMs, costsBudget: !(advice.kind === 'backoff' && advice.isClientTimeout) }
}

function giveUp(because: StopReason): RetryDecision {
  return { kind: 'give-up', because }
}
