/** The error bodies of an SGLang server: four shapes, by route and by who raised the error. */
import type { Endpoint } from '../request/parameters.ts'

export interface ErrorResponse {
  readonly status: number
  readonly body: string
}

/** A ValueError: 400, on the native route as `{"error":{"message"}}`. */
export function valueError(endpoint: Endpoint, message: string): ErrorResponse {
  if (endpoint !== 'generate') return badRequest(message, 'BadRequestError')
  return { status: 400, body: JSON.stringify({ error: { message } }) }
}

/** Aborts with a status, on every route: the type is the status as text. */
export function statusError(status: number, message: string): ErrorResponse {
  return {
    status,
    body: JSON.stringify({ object: 'error', message, type: String(status), param: null, code: status }),
  }
}

/** All routes: the body is not JSON, or not of the right types. 400, never 422. */
export function validationError(message: string): ErrorResponse {
  return badRequest(message, 'Bad Request')
}

export function unexpectedError(message: string): ErrorResponse {
  const text = `Internal server error: ${message}`
  const body = { object: 'error', message: text, type: 'InternalServerError', param: null, code: 500 }
  return { status: 500, body: JSON.stringify(body) }
}

/** Error event of a chat or completions stream, with the blanks of Python's json.dumps. */
export function openAiErrorEvent(status: number, message: string): string {
  const type = STATUS_NAMES[status] ?? 'INTERNAL_SERVER_ERROR'
  return (
    `data: {"error": {"object": "error", "message": ${JSON.stringify(message)}, "type": "${type}", ` +
    `"param": null, "code": ${status}}}\n\n`
  )
}

/** Error event of a /generate stream, for a ValueError. */
export function nativeErrorEvent(message: string, isTyped: boolean): string {
  const error = isTyped
    ? { message, type: 'invalid_request_error', code: 400, retryable: false }
    : { message }
  return `data: ${JSON.stringify({ error })}\n\n`
}

const STATUS_NAMES: Readonly<Record<number, string>> = {
  400: 'BAD_REQUEST',
  500: 'INTERNAL_SERVER_ERROR',
  503: 'SERVICE_UNAVAILABLE',
}

function badRequest(message: string, type: string): ErrorResponse {
  const body = { object: 'error', message, type, param: null, code: 400 }
  return { status: 400, body: JSON.stringify(body) }
}
