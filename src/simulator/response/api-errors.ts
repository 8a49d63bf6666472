/** Errors as `/v1/responses` and `/v1/messages` word them (SGLang 0.5.23), made of those of the other routes. */
import { isFields } from '../request/fields.ts'
import type { Endpoint } from '../request/parameters.ts'
import type { ErrorResponse } from './envelopes.ts'

const TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  429: 'rate_limit_error',
  503: 'overloaded_error',
}

const HIDDEN_FROM = 500
const HIDDEN = 'Internal server error'

/** The type of an error by its status, in Anthropic's words. */
export function anthropicType(status: number): string {
  return TYPES[status] ?? 'api_error'
}

/** Wraps an error as the route does. Messages hides what is the server's fault. */
export function inEnvelope(endpoint: Endpoint, response: ErrorResponse): ErrorResponse {
  if (endpoint !== 'messages' && endpoint !== 'responses') return response
  const { status } = response
  const error = innerError(response)
  const message = typeof error['message'] === 'string' ? error['message'] : ''
  const body =
    endpoint === 'messages'
      ? anthropicError(anthropicType(status), status >= HIDDEN_FROM ? HIDDEN : message)
      : { error: { message, type: error['type'] ?? 'invalid_request_error', param: null, code: status } }
  return { status, body: JSON.stringify(body) }
}

/** An exception of the scheduler. Responses has 400 for each, and the real status in the message. */
export function schedulerError(endpoint: Endpoint, response: ErrorResponse): ErrorResponse {
  if (endpoint !== 'responses' || response.status < HIDDEN_FROM) return inEnvelope(endpoint, response)
  const message = `${response.status}: ${String(innerError(response)['message'])}`
  const error = { message, type: 'invalid_request_error', param: null, code: 400 }
  return { status: 400, body: JSON.stringify({ error }) }
}

export function anthropicError(type: string, message: string): object {
  return { type: 'error', error: { type, message } }
}

function innerError({ body }: ErrorResponse): Readonly<Record<string, unknown>> {
  const error: unknown = JSON.parse(body)
  if (!isFields(error)) return {}
  return isFields(error['error']) ? error['error'] : error
}
