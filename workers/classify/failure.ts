/**
 * What went wrong with an attempt, whose fault it was, and whether another attempt may help. Pure but for a
 * look at the clock where an engine names a date.
 *
 * Sources: SGLang 2026-07, error envelopes and the catalogue of PD failures.
 */
import { abortedError } from '../../src/core/abort-order.ts'
import { GatewayError, type Leg } from '../../src/core/errors.ts'
import { isObject, parseObject } from '../json/parse.ts'

/** Bounded set: it goes into log lines and metric labels. */
type FailureCause =
  | 'status'
  | 'transport'
  | 'stale-socket'
  | 'error-event'
  | 'abort'
  | 'stalled'
  | 'no-token'
  | 'token-mismatch'
  | 'protocol'
  | 'no-engine'
  | 'local'

/** Who is charged. `link`: the KV transfer between the two engines, each of which may be sound. */
type Blame = 'engine' | 'link' | 'none'

export interface Failure {
  readonly cause: FailureCause
  readonly blame: Blame
  /** What the client is told when no further attempt is made. */
  readonly error: GatewayError
}

const TRANSFER =
  /KVTransferError|(?:Prefill bootstrap|Prefill transfer|Decode handshake|Decode transfer) failed|Metadata (?:corruption|unexpectedly)|is not alive|might be dead/
const HOPELESS = /Grammar |Using priority is disabled/
const MESSAGE_LIMIT = 4096
/** The form that senders must use. */
const HTTP_DATE = /^\w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} GMT$/

/** An error status of an engine, or one of a redirect, with its body. */
export function statusFailure(leg: Leg, status: number, body: Uint8Array, retryAfter?: string): Failure {
  if (status < 400) return redirectFailure(leg, status)
  const envelope = readEnvelope(body)
  const retryAfterMs = parseRetryAfterMs(retryAfter)
  // Clients know what to make of 5xx; RFC 9110 section 15 has no statuses above.
  const passed = status > 599 ? 502 : status
  const error = new GatewayError(
    'engine-error',
    envelope.message || `The ${leg} engine answered ${status}.`,
    {
      status: passed,
      leg,
      engineCode: envelope.code ?? status,
      ...(envelope.type === undefined ? typeOf(status) : { type: envelope.type }),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      retryable: isRetryableStatus(status, envelope.message, retryAfterMs),
    },
  )
  return { cause: 'status', blame: blameOf(status, envelope.message), error }
}

/** No engine redirects: something else stands at its address. */
function redirectFailure(leg: Leg, status: number): Failure {
  const text = `The ${leg} engine answered with a redirect (${status}), which is not followed.`
  return { cause: 'status', blame: 'engine', error: new GatewayError('engine-protocol', text, { leg }) }
}

/** An error or an abort that arrived inside a 200. `status` is the one that the event names, if any. */
export function inStreamFailure(
  leg: Leg,
  kind: 'error-event' | 'abort' | 'protocol',
  message: string,
  status: number | undefined,
): Failure {
  const effective = status !== undefined && status >= 400 && status <= 599 ? status : 500
  const text = message || `The ${leg} engine gave the request up (${kind}).`
  if (kind === 'protocol') {
    return { cause: 'protocol', blame: 'engine', error: new GatewayError('engine-protocol', text, { leg }) }
  }
  const error = new GatewayError('engine-error', text, {
    status: effective,
    engineCode: effective,
    leg,
    retryable: isRetryableStatus(effective, text, undefined),
  })
  return { cause: kind, blame: blameOf(effective, text), error }
}

/** The connection could not be made or broke. */
export function transportFailure(
  leg: Leg,
  envelope: { readonly kind: string; readonly message: string; readonly isStaleSocket: boolean },
): Failure {
  // Undici refuses to write it, and nothing of the head is ours but what it takes: the client's header or query.
  if (envelope.kind === 'invalid') {
    const error = new GatewayError('invalid-request', `The request cannot be passed on: ${envelope.message}`)
    return { cause: 'protocol', blame: 'none', error }
  }
  const error = new GatewayError('engine-unreachable', `The ${leg} engine: ${envelope.message}`, { leg })
  if (envelope.isStaleSocket) return { cause: 'stale-socket', blame: 'none', error }
  if (envelope.kind === 'local') return { cause: 'local', blame: 'none', error }
  return { cause: 'transport', blame: 'engine', error }
}

/** A timer of ours ran out: `what` says which. */
export function stalledFailure(leg: Leg, what: string, timeoutMs: number): Failure {
  const error = new GatewayError('engine-stalled', `The ${leg} engine sent no ${what} for ${timeoutMs} ms.`, {
    leg,
  })
  return { cause: 'stalled', blame: 'engine', error }
}

export function noTokenFailure(): Failure {
  const error = new GatewayError('engine-protocol', 'The decode engine ended its answer without a token.', {
    leg: 'decode',
  })
  return { cause: 'no-token', blame: 'engine', error }
}

/** Prefill turned the request into a dummy of its own: what decode made of it is made up. */
export function mismatchFailure(prefillTokens: number, decodeTokens: number): Failure {
  const error = new GatewayError(
    'engine-protocol',
    `The prefill engine saw ${prefillTokens} prompt tokens, the decode engine ${decodeTokens}: the answer cannot be trusted.`,
    { leg: 'prefill' },
  )
  return { cause: 'token-mismatch', blame: 'engine', error }
}

/** The client has asked to abort while nothing was on its way. */
export function abortedFailure(): Failure {
  return { cause: 'abort', blame: 'none', error: abortedError() }
}

export function noEngineFailure(missing: string): Failure {
  return {
    cause: 'no-engine',
    blame: 'none',
    error: new GatewayError('no-engine-available', `No ${missing} engine is available.`),
  }
}

/** The decode stream stopped before its `[DONE]`, after tokens had been passed on. */
export function truncatedFailure(): Failure {
  const error = new GatewayError(
    'engine-protocol',
    'The decode engine ended the stream before it was complete.',
    {
      leg: 'decode',
    },
  )
  return { cause: 'protocol', blame: 'engine', error }
}

/** For engines that tell none: OpenAI's clients must not take a refusal for a failure of the server. */
function typeOf(status: number): { readonly type?: string } {
  if (status === 429) return { type: 'rate_limit_error' }
  return status < 500 ? { type: 'invalid_request_error' } : {}
}

function isRetryableStatus(status: number, message: string, retryAfterMs: number | undefined): boolean {
  if (status === 429) return retryAfterMs !== undefined
  if (status === 400) return message.startsWith('Duplicate request ID')
  return status >= 500 && !HOPELESS.test(message)
}

function blameOf(status: number, message: string): Blame {
  // What is hopeless lies in the request: a client must not be able to open the breaker of a sound engine.
  if (status < 500 || HOPELESS.test(message)) return 'none'
  return TRANSFER.test(message) ? 'link' : 'engine'
}

/** Seconds, or a date of RFC 9110 section 10.2.3, which proxies before engines send: one that is over means now. */
function parseRetryAfterMs(value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  if (/^\d+(?:\.\d+)?$/.test(value.trim())) return Number(value) * 1000
  const dateMs = HTTP_DATE.test(value.trim()) ? Date.parse(value) : Number.NaN
  return Number.isNaN(dateMs) ? undefined : Math.max(0, dateMs - Date.now())
}

interface Envelope {
  readonly message: string
  readonly type: string | undefined
  readonly code: string | number | undefined
}

/** Any of the shapes that engines use: `error.message`, `message`, `error` as text, `detail`, plain text. */
function readEnvelope(body: Uint8Array): Envelope {
  const text = new TextDecoder().decode(body.subarray(0, 65_536))
  const outer = parseObject(text)
  if (outer === undefined)
    return { message: text.trim().slice(0, MESSAGE_LIMIT), type: undefined, code: undefined }
  const inner = isObject(outer['error']) ? outer['error'] : outer
  const message = [inner['message'], outer['message'], outer['error'], outer['detail']].find(isText) ?? text
  const code = inner['code']
  const type = inner['type']
  return {
    message: message.slice(0, MESSAGE_LIMIT),
    type: isText(type) && !/^\d+$/.test(type) ? type : undefined,
    code: isText(code) || typeof code === 'number' ? code : undefined,
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
