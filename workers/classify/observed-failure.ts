/** Failures that the gateway observes on a leg without a word from the engine. Pure. */
import type { LostEngine } from '../../src/core/engine.ts'
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

/** The probes of the engine fail, so its response is not waited for. */
export function lostFailure(leg: Leg, { reason }: LostEngine): Failure {
  const message = `The ${leg} engine has not responded, and its probes fail: ${reason}`
  return failureOf('stalled', engineCharge(leg), new GatewayError('engine-unreachable', message, { leg }))
}

/** A response, or an event, that is larger than the gateway may hold. Its size is what the client asked for. */
export function tooLargeFailure(leg: Leg, message: string): Failure {
  return failureOf(
    'protocol',
    NOBODY,
    new GatewayError('engine-protocol', message, { leg, retryable: false }),
  )
}

const EXCERPT_BYTES = 300

/** The response is complete, of status 200, and shows neither a token nor a finish nor an error in any known shape. */
export function nothingFailure(leg: Leg, body: Uint8Array): Failure {
  const excerpt = new TextDecoder().decode(body.subarray(0, EXCERPT_BYTES)).trim()
  const message = `The ${leg} engine sent a response with neither a token nor a finish: ${excerpt || '(empty)'}`
  return failureOf('no-token', engineCharge(leg), new GatewayError('engine-protocol', message, { leg }))
}

/** The response is complete, but neither engine generated a token. */
export function noTokenFailure(): Failure {
  const error = new GatewayError('engine-protocol', 'The decode engine sent a response without a token', {
    leg: 'decode',
  })
  return failureOf('no-token', engineCharge('decode'), error)
}

/**
 * The engines did not read the same prompt, so the KV cache that decode used, and its response, are invalid.
 *
 * A prefill engine whose scheduler refuses a prompt, because it is too long, prefills one token in its place and responds
 * with status 200 (SGLang 2026-07). Then the prompt is the reason.
 */
export function mismatchFailure(prefillTokens: number, decodeTokens: number): Failure {
  if (prefillTokens === 1) {
    const message = `The prompt of ${decodeTokens} tokens is too long for the prefill engine`
    return failureOf(
      'token-mismatch',
      NOBODY,
      new GatewayError('invalid-request', message, { leg: 'prefill' }),
    )
  }
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
