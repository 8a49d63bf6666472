/**
 * Failures that an engine reports itself: with an error status, or inside a response of status 200. Pure, except that
 * a `Retry-After` date is compared with the clock.
 *
 * Source of the messages: SGLang, February to July 2026, its error envelopes and PD failures.
 */
import { GatewayError, type Leg } from '../../src/core/errors.ts'
import type { Dialect, ErrorMeaning } from '../dialects/dialect.ts'
import { DONE_DIALECT } from '../dialects/done-dialect.ts'
import { isErrorStatus, type ReportedFailure } from '../dialects/error-inside-200.ts'
import { type ErrorEnvelope, readEnvelope } from './error-status-body.ts'
import { type Charge, engineCharge, type Failure, failureOf, LOST_PAIR, NOBODY, PAIR } from './failure.ts'

/** The KV transfer failed. */
const TRANSFER =
  /KVTransferError|(?:Prefill bootstrap|Prefill transfer|Decode handshake|Decode transfer) failed|Metadata (?:corruption|unexpectedly)|is not alive|might be dead/
/** An engine has given up on the other one; that both still answer probes means nothing then. */
const LOST = /is not alive|(?:might|could) be dead/
/** The reason lies in the request, whatever the status says. */
const HOPELESS = /Grammar |Using priority is disabled|Request running timeout reached/
/**
 * The engine has more requests than it takes: that is load, no fault. Texts of mixed engines with status 503 (SGLang 2026-02
 * to 0.5.23, vLLM 0.32.0), which name no time after which to come back.
 */
const BUSY = new RegExp(
  [
    'request queue is full',
    'Request waiting timeout reached',
    'aborted by a higher priority request',
    'currently busy and cannot accept new requests',
  ].join('|'),
)
/** All that the API of Anthropic says of a busy engine, whose own words it hides (SGLang 0.5.23). */
const BUSY_TYPE = 'overloaded_error'
/** For how long a busy engine gets no retry of the request, if it does not say so itself. */
const BUSY_MS = 1000
/**
 * Every engine refuses such a prompt. Some versions say so without a status, or with 500 (SGLang 2026-02 to 0.5.23,
 * vLLM 0.32).
 */
const REFUSED_PROMPT = new RegExp(
  [
    "longer than the (?:model's context length|maximum model length)",
    'maximum context length (?:is|of) \\d+ tokens',
    'exceeds the maximum (?:allowed length|number of tokens)',
    'Multimodal prompt is too long',
    'is higher than the number of input tokens',
    'values greater than the vocab size',
    'Token id \\d+ is out of vocabulary',
  ].join('|'),
)
/** The date form that RFC 9110, section 5.6.7 requires of senders. */
const HTTP_DATE = /^\w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} GMT$/

interface StatusOptions {
  /** The value of the header `Retry-After`. */
  readonly retryAfter?: string | undefined
  readonly dialect?: Dialect
}

const NO_ENVELOPE: ErrorEnvelope = { message: '', type: undefined, code: undefined, body: undefined }

/** An error status or a redirect, with its body. */
export function statusFailure(
  leg: Leg,
  status: number,
  body: Uint8Array,
  { retryAfter, dialect = DONE_DIALECT }: StatusOptions = {},
): Failure {
  if (status < 400) return redirectFailure(leg, status)
  const envelope = readEnvelope(body)
  const meaning = dialect.meaningOf(status, envelope.message)
  if (isNoPath(meaning.status, meaning.message, envelope.type))
    return dialect.isOptional ? notServedFailure(leg) : noPathFailure(leg, status)
  // Where the status is not the real one, nothing else of the body is either.
  const details = meaning.status === status ? envelope : NO_ENVELOPE
  return meantFailure(leg, meaning, details, parseRetryAfterMs(retryAfter))
}

function meantFailure(
  leg: Leg,
  meaning: ErrorMeaning,
  { type, code, body }: ErrorEnvelope,
  retryAfterMs: number | undefined,
): Failure {
  const { status, message } = meaning
  if (status >= 500 && REFUSED_PROMPT.test(message)) return refusedPrompt('status', leg, message)
  const text = message || `The ${leg} engine responded with status ${status}`
  const error = new GatewayError('engine-error', text, {
    // Clients can handle 5xx; statuses above 599 are invalid (RFC 9110, section 15).
    status: status > 599 ? 502 : status,
    leg,
    engineCode: code ?? status,
    body,
    ...(type === undefined ? defaultType(status) : { type }),
    ...pauseOf(meaning, type, retryAfterMs),
    retryable: isRetryable(status, message, retryAfterMs),
  })
  return failureOf('status', chargeFor(leg, meaning, type), error)
}

/** Engines never redirect, so some other server is listening at the engine's address. */
function redirectFailure(leg: Leg, status: number): Failure {
  const text = `The ${leg} engine responded with a redirect (${status}), which is not followed`
  return failureOf('status', engineCharge(leg), new GatewayError('engine-protocol', text, { leg }))
}

/** What frameworks and proxies say of a path that they do not serve. An engine that lacks a model names it. */
const NO_PATH = /^(?:404\b.{0,3})?(?:(?:page )?not found\.?)?$/i

function isNoPath(status: number, message: string, type: string | undefined): boolean {
  if (status === 405) return true
  return status === 404 && (NO_PATH.test(message) || (type === undefined && /^\s*</.test(message)))
}

/** All engines serve the paths that requests are sent to, so some other server is listening at the engine's address. */
function noPathFailure(leg: Leg, status: number): Failure {
  const text = `The server at the address of the ${leg} engine does not serve the path of the request (status ${status}), so it is no such engine`
  return failureOf('status', engineCharge(leg), new GatewayError('engine-protocol', text, { leg }))
}

/** Another API of the engine may be served all the same. */
function notServedFailure(leg: Leg): Failure {
  const text = `The ${leg} engine does not serve this API: use /v1/chat/completions, or an engine that does`
  const error = new GatewayError('endpoint-not-served', text, { leg })
  return failureOf('status', NOBODY, error)
}

/** An error, an abort or bytes that make no sense, inside a response of status 200. */
export function inStreamFailure(
  leg: Leg,
  reported: ReportedFailure,
  dialect: Dialect = DONE_DIALECT,
): Failure {
  const { what, message, type, code, body } = reported
  const text = message || `The ${leg} engine gave up the request (${what})`
  if (what === 'protocol') return protocolFailure(leg, text)
  const status = isErrorStatus(reported.status) ? reported.status : 500
  if (status >= 500 && REFUSED_PROMPT.test(text)) return refusedPrompt(what, leg, text)
  const meaning = dialect.meaningOf(status, text)
  const error = new GatewayError('engine-error', text, {
    status,
    engineCode: code ?? status,
    leg,
    body: body && JSON.stringify(body),
    ...(type === undefined ? defaultType(status) : { type }),
    ...pauseOf(meaning, type, undefined),
    retryable: isRetryable(status, text, undefined),
  })
  return failureOf(what, chargeFor(leg, meaning, type), error)
}

function refusedPrompt(cause: 'status' | 'error-event' | 'abort', leg: Leg, message: string): Failure {
  const type = 'invalid_request_error'
  const details = { status: 400, engineCode: 400, type, leg, retryable: false } as const
  return failureOf(cause, NOBODY, new GatewayError('engine-error', message, details))
}

/** A response that the engine's API does not allow for. */
export function protocolFailure(leg: Leg, message: string): Failure {
  return failureOf('protocol', engineCharge(leg), new GatewayError('engine-protocol', message, { leg }))
}

/** For engines that name no type: OpenAI's client libraries must not take a refused request for a server error. */
function defaultType(status: number): { readonly type?: string } {
  if (status === 429) return { type: 'rate_limit_error' }
  return status < 500 ? { type: 'invalid_request_error' } : {}
}

/** As with a 429 that names a time, the engine gets no retry before that time, and others may get it at once. */
function pauseOf(
  meaning: ErrorMeaning,
  type: string | undefined,
  retryAfterMs: number | undefined,
): { readonly retryAfterMs?: number } {
  const pauseMs = retryAfterMs ?? (reportsLoad(meaning, type) ? BUSY_MS : undefined)
  return pauseMs === undefined ? {} : { retryAfterMs: pauseMs }
}

function reportsLoad({ status, message }: ErrorMeaning, type: string | undefined): boolean {
  return status >= 500 && (BUSY.test(message) || type === BUSY_TYPE)
}

function isRetryable(status: number, message: string, retryAfterMs: number | undefined): boolean {
  if (status === 429) return retryAfterMs !== undefined
  if (status === 400) return message.startsWith('Duplicate request ID')
  return status >= 500 && !HOPELESS.test(message)
}

function chargeFor(leg: Leg, meaning: ErrorMeaning, type: string | undefined): Charge {
  const { status, message, isVague } = meaning
  if (reportsLoad(meaning, type)) return NOBODY
  if (isVague) return PAIR
  // A client must not be able to open the breaker of a healthy engine with requests that fail anywhere.
  if (status < 500 || HOPELESS.test(message)) return NOBODY
  if (!TRANSFER.test(message)) return engineCharge(leg)
  return LOST.test(message) ? LOST_PAIR : PAIR
}

/** Seconds, or a date (RFC 9110, section 10.2.3), which proxies in front of engines send. A past date means 0. */
function parseRetryAfterMs(value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  if (/^\d+(?:\.\d+)?$/.test(value.trim())) return Number(value) * 1000
  const dateMs = HTTP_DATE.test(value.trim()) ? Date.parse(value) : Number.NaN
  return Number.isNaN(dateMs) ? undefined : Math.max(0, dateMs - Date.now())
}
