/**
 * A failed attempt as one value: what happened, whom it is charged to, whether and when it may be retried, and what
 * the client gets.
 *
 * The retry loop, the breakers, the choice of the next pair, the metrics and the log all read this value; none of them
 * works out any part of it again. The values are made by kind: `reported-failure.ts` has what engines report,
 * `observed-failure.ts` what the gateway observes on a leg, `request-failure.ts` what no engine is involved in.
 */
import type { GatewayError, Leg } from '../../src/core/errors.ts'
import type { RetryAdvice } from '../../src/resilience/retry-decision.ts'

/** What happened. A bounded set: it is a field of log lines and a label of metrics. */
type FailureCause =
  /** An error status, or a redirect. */
  | 'status'
  /** The connection could not be made, or broke. */
  | 'transport'
  /** A kept-alive connection was closed before the engine saw the request. */
  | 'stale-socket'
  /** An error event in a stream, or an error object in a body of status 200. */
  | 'error-event'
  /** A finish reason `abort` in a stream or body of status 200, or an abort that the client asked for. */
  | 'abort'
  /** Silence for longer than a timeout. */
  | 'stalled'
  /** A complete response without a single token. */
  | 'no-token'
  /** The two engines counted different numbers of prompt tokens. */
  | 'token-mismatch'
  /** Bytes that the engine's API does not allow for. */
  | 'protocol'
  /** No engine could be chosen. */
  | 'no-engine'
  /** This machine ran out of descriptors, ports or buffers. */
  | 'local'

/** Whom a failure counts against. `chargedEngines` finds the engines in the pair of the attempt. */
export type Charge =
  | { readonly kind: 'engine'; readonly leg: Leg }
  /**
   * The KV transfer between the two engines failed: both may be healthy, and both may serve other pairs.
   * `isLost`: one engine reports the other as dead, so the pair need not fail again to be avoided.
   */
  | { readonly kind: 'pair'; readonly isLost: boolean }
  /** The request, the client or the gateway is the reason. */
  | { readonly kind: 'nobody' }

export interface Failure {
  readonly cause: FailureCause
  readonly chargedTo: Charge
  readonly retry: RetryAdvice
  /** The leg whose connection was reset after its request had been written: the request may have ended the engine. */
  readonly resetLeg?: Leg
  /** The client's response when no further attempt is made. */
  readonly error: GatewayError
}

export const NOBODY: Charge = { kind: 'nobody' }
export const PAIR: Charge = { kind: 'pair', isLost: false }
export const LOST_PAIR: Charge = { kind: 'pair', isLost: true }
const NEVER: RetryAdvice = { kind: 'never' }

const ENGINES: Readonly<Record<Leg, Charge>> = {
  prefill: { kind: 'engine', leg: 'prefill' },
  decode: { kind: 'engine', leg: 'decode' },
}

export function engineCharge(leg: Leg): Charge {
  return ENGINES[leg]
}

/** A failure whose retry follows from its error: after the backoff or the engine's `Retry-After`, or never. */
export function failureOf(cause: FailureCause, chargedTo: Charge, error: GatewayError): Failure {
  const retry: RetryAdvice = error.retryable
    ? { kind: 'backoff', minDelayMs: error.retryAfterMs ?? 0 }
    : NEVER
  return { cause, chargedTo, retry, error }
}

/**
 * The same failure after the client has asked to abort the request. The engines may have reported that very abort, so
 * nobody is charged, and the client wants no further attempt.
 */
export function afterRequestedAbort({ cause, error }: Failure): Failure {
  return { cause, chargedTo: NOBODY, retry: NEVER, error }
}
