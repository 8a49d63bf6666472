/**
 * Every error that the gateway can respond with: one table, one class, one body format.
 *
 * The table is the only place that maps a code to an HTTP status and decides whether a retry may help.
 */

import { bodyWithoutHiddenDetails, withoutHiddenDetails } from './text/hidden-details.ts'

/**
 * The side that an error code stands for. Decides under which outcome a request is counted and whether its end is logged.
 * Breakers do not read it: which engine an attempt's failure is charged to is `Failure.chargedTo`.
 */
export type Fault = 'client' | 'gateway' | 'engine'

/** Which engine of the pair failed. */
export type Leg = 'prefill' | 'decode'

interface ErrorTraits {
  readonly status: number
  /** `type` in OpenAI's error object. */
  readonly type: string
  readonly fault: Fault
  readonly retryable: boolean
}

const CLIENT = 'invalid_request_error'
const SERVER = 'server_error'

const TRAITS = {
  'invalid-json': { status: 400, type: CLIENT, fault: 'client', retryable: false },
  'invalid-request': { status: 400, type: CLIENT, fault: 'client', retryable: false },
  /** A change without the right key. */
  unauthorized: { status: 401, type: 'authentication_error', fault: 'client', retryable: false },
  /** A change by another machine, a web page or a proxy. */
  forbidden: { status: 403, type: CLIENT, fault: 'client', retryable: false },
  'engine-not-found': { status: 404, type: CLIENT, fault: 'client', retryable: false },
  /** Engines serve the endpoint, the gateway does not. A 501 would be retried by client libraries. */
  'endpoint-not-served': { status: 404, type: CLIENT, fault: 'client', retryable: false },
  'route-not-found': { status: 404, type: CLIENT, fault: 'client', retryable: false },
  'model-not-found': { status: 404, type: CLIENT, fault: 'client', retryable: false },
  'method-not-allowed': { status: 405, type: CLIENT, fault: 'client', retryable: false },
  'body-timeout': { status: 408, type: CLIENT, fault: 'client', retryable: false },
  /** A chunked request body, where the operator does not accept them. */
  'length-required': { status: 411, type: CLIENT, fault: 'client', retryable: false },
  'body-too-large': { status: 413, type: CLIENT, fault: 'client', retryable: false },
  'unsupported-media-type': { status: 415, type: CLIENT, fault: 'client', retryable: false },
  overloaded: { status: 503, type: 'overloaded_error', fault: 'gateway', retryable: false },
  /** The admission queue is full: the clients together send more requests than the fleet can serve. */
  'queue-full': { status: 429, type: 'overloaded_error', fault: 'client', retryable: false },
  'queue-timeout': { status: 503, type: 'overloaded_error', fault: 'gateway', retryable: false },
  'memory-pressure': { status: 503, type: 'overloaded_error', fault: 'gateway', retryable: false },
  'shutting-down': { status: 503, type: SERVER, fault: 'gateway', retryable: false },
  'no-engine-available': { status: 503, type: SERVER, fault: 'gateway', retryable: true },
  'thread-lost': { status: 503, type: SERVER, fault: 'gateway', retryable: false },
  'deadline-exceeded': { status: 504, type: 'timeout_error', fault: 'gateway', retryable: false },
  /** The engine responded with an error status, which replaces `status` in the error instance. */
  'engine-error': { status: 502, type: SERVER, fault: 'engine', retryable: true },
  /** The engine could not be reached, or closed the connection. */
  'engine-unreachable': { status: 502, type: SERVER, fault: 'engine', retryable: true },
  /** The engine violated its API. */
  'engine-protocol': { status: 502, type: SERVER, fault: 'engine', retryable: true },
  /** The engine sent no first token, or no further data, within the timeout. */
  'engine-stalled': { status: 504, type: 'timeout_error', fault: 'engine', retryable: true },
  internal: { status: 500, type: SERVER, fault: 'gateway', retryable: false },
} as const satisfies Record<string, ErrorTraits>

export type ErrorCode = keyof typeof TRAITS

/** All codes, in the order of the table. */
export const ERROR_CODES = Object.keys(TRAITS).filter(isErrorCode)

function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(TRAITS, text)
}

export interface ErrorDetails {
  readonly cause?: unknown
  /** Status of the engine; overrides that of the table. */
  readonly status?: number
  /** Error type of the engine; overrides that of the table. */
  readonly type?: string
  /** Error code of the engine; replaces ours in the error body. */
  readonly engineCode?: string | number
  /** JSON text of the engine's own error, which clients get instead of ours. */
  readonly body?: string | undefined
  readonly leg?: Leg
  /** Delay for a `Retry-After` header, in milliseconds. */
  readonly retryAfterMs?: number
  /** Overrides `retryable` of the table. */
  readonly retryable?: boolean
}

export class GatewayError extends Error {
  override readonly name = 'GatewayError'
  readonly code: ErrorCode
  readonly status: number
  readonly type: string
  readonly engineCode: string | number | undefined
  readonly body: string | undefined
  readonly leg: Leg | undefined
  readonly retryAfterMs: number | undefined
  readonly retryable: boolean

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, { cause: details.cause })
    const traits = TRAITS[code]
    this.code = code
    this.status = details.status ?? traits.status
    this.type = details.type ?? traits.type
    this.engineCode = details.engineCode
    this.body = details.body
    this.leg = details.leg
    this.retryAfterMs = details.retryAfterMs
    this.retryable = details.retryable ?? traits.retryable
  }

  get fault(): Fault {
    return TRAITS[this.code].fault
  }
}

/** All codes with their traits, for the documentation and its test. */
export function errorTable(): readonly { code: string; status: number; fault: Fault; retryable: boolean }[] {
  return Object.entries(TRAITS).map(([code, { status, fault, retryable }]) => ({
    code,
    status,
    fault,
    retryable,
  }))
}

/**
 * The same object for an event inside a stream. Its `code` is the HTTP status, an integer, as in the error events of
 * SGLang 0.5.23 and vLLM 0.32.0, which some clients insist on; our own code is the `reason`.
 */
export function streamErrorBody(error: GatewayError): string {
  const { type, status, code, leg } = error
  const message = messageFor(error)
  const details = { message, type, param: null, code: status, reason: code, ...(leg ? { leg } : {}) }
  return JSON.stringify({ error: details })
}

/** JSON text for a whole response: the engine's own error, or OpenAI's error object with the leg that failed, if any. */
export function errorBody(error: GatewayError): string {
  const { type, leg, body } = error
  if (body !== undefined) return bodyWithoutHiddenDetails(body)
  const code = error.engineCode ?? error.code
  const details = { message: messageFor(error), type, param: null, code, ...(leg ? { leg } : {}) }
  return JSON.stringify({ error: details })
}

/** The message for a client. Only the errors of a leg quote an engine. */
export function messageFor({ leg, message }: GatewayError): string {
  return leg === undefined ? message : withoutHiddenDetails(message)
}
