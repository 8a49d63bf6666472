/**
 * Renders errors for clients: as a whole response, or as the last event of a stream whose head has already been sent.
 * Every listener and every router thread uses these two functions. Pure.
 */
import type { GatewayError } from '../core/errors.ts'
import { type ErrorDialect, OPENAI_ERRORS } from './error-dialect.ts'

/** A complete response that the gateway produces itself. */
export interface LocalResponse {
  readonly status: number
  /** Names and values in turn; names in lower case. */
  readonly headers: readonly string[]
  readonly body: Uint8Array
}

const MIN_RETRY_AFTER_SECS = 1
/**
 * openai-node 7.59 ignores a longer delay, openai-python 3.57 does not retry at all above 120 s, and Anthropic's SDK for
 * Node waits for any time.
 */
const MAX_RETRY_AFTER_SECS = 60

/**
 * The error as JSON, worded as the client's API does. `allow` is the value of the `Allow` header, which a 405 requires
 * (RFC 9110 section 15.5.6). `Retry-After`, ours or an engine's, is in whole seconds from 1 to 60: with 0 a client would
 * be back at once.
 */
export function toErrorResponse(
  error: GatewayError,
  dialect: ErrorDialect = OPENAI_ERRORS,
  allow?: string,
): LocalResponse {
  const headers = ['content-type', 'application/json']
  if (allow !== undefined) headers.push('allow', allow)
  // RFC 9110 section 15.5.2 requires it.
  if (error.code === 'unauthorized') headers.push('www-authenticate', 'Bearer')
  if (error.retryAfterMs !== undefined) headers.push('retry-after', retryAfter(error.retryAfterMs))
  return { status: error.status, headers, body: Buffer.from(dialect.body(error)) }
}

/**
 * The last event of a server-sent event stream that breaks off and whose status can no longer say so. Nothing that marks
 * the end of a complete stream may follow, and the body must end without its last chunk: many clients look at nothing
 * else.
 */
export function toErrorEvent(error: GatewayError, dialect: ErrorDialect = OPENAI_ERRORS): Uint8Array {
  return Buffer.from(dialect.event(error))
}

function retryAfter(ms: number): string {
  return String(Math.min(MAX_RETRY_AFTER_SECS, Math.max(MIN_RETRY_AFTER_SECS, Math.ceil(ms / 1000))))
}
