/** The error responses of an SGLang server (2026-02 to 2026-07). Their format depends on the route and on where the error was raised. */
import { isFields } from '../request/fields.ts'
import type { Endpoint } from '../request/parameters.ts'
import type { ProfileTraits } from '../settings/profiles.ts'

export interface ErrorResponse {
  readonly status: number
  readonly body: string
}

/** The response to a Python ValueError: 400, on `/generate` with the body `{"error":{"message"}}`. */
export function valueError(endpoint: Endpoint, message: string): ErrorResponse {
  if (endpoint !== 'generate') return badRequest(message, 'BadRequestError')
  return { status: 400, body: JSON.stringify({ error: { message } }) }
}

/** The response to an abort with a status, on all routes. The type is the status as text. */
export function statusError(status: number, message: string): ErrorResponse {
  return {
    status,
    body: JSON.stringify({ object: 'error', message, type: String(status), param: null, code: status }),
  }
}

/** The response to a body that is not JSON or has fields of the wrong type, on all routes: 400, not 422. */
export function validationError(message: string): ErrorResponse {
  return badRequest(message, 'Bad Request')
}

/** The response of `/generate` to a field that its schema refuses: 400 with a bare text (SGLang 0.5.23). */
export function schemaError(message: string): ErrorResponse {
  return { status: 400, body: JSON.stringify({ error: message }) }
}

/** The same error as the Rust front end words it: under `error`, on `/generate` with message and code only. */
export function rustEnvelope(endpoint: Endpoint, { status, body }: ErrorResponse): ErrorResponse {
  const error: unknown = JSON.parse(body)
  const inner = isFields(error) && isFields(error['error']) ? error['error'] : error
  if (!isFields(inner) || typeof inner['error'] === 'string') return { status, body }
  const { message } = inner
  const wrapped = endpoint === 'generate' ? { message, code: status } : inner
  return { status, body: JSON.stringify({ error: wrapped }) }
}

/** The response to a model that does not exist: 404. */
export function missingModel(message: string): ErrorResponse {
  const body = { object: 'error', message, type: 'invalid_request_error', param: 'model', code: 404 }
  return { status: 404, body: JSON.stringify(body) }
}

/** The response to an exception that nothing handles: 500. */
export function unexpectedError(message: string): ErrorResponse {
  const text = `Internal server error: ${message}`
  const body = { object: 'error', message: text, type: 'InternalServerError', param: null, code: 500 }
  return { status: 500, body: JSON.stringify(body) }
}

/** The error event of a chat or completions stream, with the whitespace of Python's `json.dumps`. */
export function openAiErrorEvent(status: number, message: string): string {
  const type = STATUS_NAMES[status] ?? 'INTERNAL_SERVER_ERROR'
  return (
    `data: {"error": {"object": "error", "message": ${JSON.stringify(message)}, "type": "${type}", ` +
    `"param": null, "code": ${status}}}\n\n`
  )
}

/** An error event of a stream, written without white space. */
export function plainErrorEvent(status: number, message: string): string {
  const error = { object: 'error', message, type: STATUS_NAMES[status], param: null, code: status }
  return `data: ${JSON.stringify({ error })}\n\n`
}

/** The error event of a `/generate` stream for a ValueError. `isTyped` adds type, code and retryable (SGLang 2026-07). */
export function nativeErrorEvent(
  message: string,
  { typedErrorEvents }: Pick<ProfileTraits, 'typedErrorEvents'>,
): string {
  const error = typedErrorEvents
    ? { message, type: 'invalid_request_error', code: 400, retryable: false }
    : { message }
  return `data: ${JSON.stringify({ error })}\n\n`
}

/** What the Rust front end says of a request that was aborted, with status 499. */
export const CLIENT_GONE = 'client disconnected'

const STATUS_NAMES: Readonly<Record<number, string>> = {
  400: 'BAD_REQUEST',
  500: 'INTERNAL_SERVER_ERROR',
  503: 'SERVICE_UNAVAILABLE',
}

function badRequest(message: string, type: string): ErrorResponse {
  const body = { object: 'error', message, type, param: null, code: 400 }
  return { status: 400, body: JSON.stringify(body) }
}
