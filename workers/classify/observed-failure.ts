/** Failures that the gateway observes on a leg without a word from the engine. Pure. */
import { GatewayError, type Leg } from '../../src/core/errors.ts'
import type { TransportError } from '../upstream/types.ts'
import { engineCharge, type Failure, failureOf, NOBODY, PAIR } from './failure.ts'
import { protocolFailure } from './reported-failure.ts'

/** The connection could not be made, or broke. */
export function transportFailure(
  leg: Leg,
  { kind, message, isStaleSocket, wasSent = false }: TransportError,
): Failure {
  // undici refuses to write the head. All that a client may put into it are its own headers and its query.
  if (kind === 'invalid') {
    const refused = new GatewayError('invalid-request', `The request cannot be forwarded: ${message}`)
    return failureOf('protocol', NOBODY, refused)
  }
  const error = new GatewayError('engine-unreachable', `The ${leg} engine: ${message}`, { leg })
  const reset = kind === 'reset' && wasSent ? { resetLeg: leg } : undefined
  if (isStaleSocket)
    return { cause: 'stale-socket', chargedTo: NOBODY, retry: { kind: 'fresh-connection' }, error, ...reset }
  if (kind === 'local') return { cause: 'local', chargedTo: NOBODY, retry: { kind: 'local-shortage' }, error }
  return { ...failureOf('transport', engineCharge(leg), error), ...reset }
}

const AFTER_CLIENT_TIMEOUT = { kind: 'backoff', minDelayMs: 0, isClientTimeout: true } as const

export interface Silence {
  /** The leg whose bytes were missing. */
  readonly leg: Leg
  readonly awaited: 'first token' | 'data' | 'response'
  readonly timeoutMs: number
  /** Neither engine has sent anything, and each waits for the other: either may be the one that failed. */
  readonly isMutual?: boolean
  /** The client set a shorter timeout than is configured, by which it must not open the breaker of a healthy engine. */
  readonly isClientTimeout?: boolean
}

/** A timeout of ours has passed. */
export function stalledFailure(silence: Silence): Failure {
  const { leg, awaited, timeoutMs, isMutual = false, isClientTimeout = false } = silence
  const message = `The ${leg} engine sent no ${awaited} for ${timeoutMs} ms`
  const chargedTo = isClientTimeout ? NOBODY : isMutual ? PAIR : engineCharge(leg)
  const failure = failureOf('stalled', chargedTo, new GatewayError('engine-stalled', message, { leg }))
  return isClientTimeout ? { ...failure, retry: AFTER_CLIENT_TIMEOUT } : failure
}

/** The response is complete, but neither engine generated a token. */
export function noTokenFailure(): Failure {
  const error = new GatewayError('engine-protocol', 'The decode engine sent a response without a token', {
    leg: 'decode',
  })
  return failureOf('no-token', engineCharge('decode'), error)
}

/** Prefill replaced the request by a dummy, so the KV cache that decode used, and its response, are invalid. */
export function mismatchFailure(prefillTokens: number, decodeTokens: number): Failure {
  const error = new GatewayError(
    'engine-protocol',
    `The engines disagree on the prompt (prefill: ${prefillTokens} tokens, decode: ${decodeTokens}), so the response is invalid`,
    { leg: 'prefill' },
  )
  return failureOf('token-mismatch', engineCharge('prefill'), error)
}

/** The decode stream ended without its `[DONE]`. */
export function truncatedFailure(): Failure {
  return protocolFailure('decode', 'The decode engine ended the stream before it was complete')
}
