/** Errors as Anthropic's Messages API words them: `{"type":"error","error":{"type","message"}}`. Pure. */
import { errorBody, type GatewayError, messageFor } from '../core/errors.ts'
import { isObject, parseObject } from '../core/text/parse-json.ts'

/** Anthropic's documented types, by status. 503 stands for its 529, as in SGLang 0.5.23. */
const TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  408: 'timeout_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  503: 'overloaded_error',
  504: 'timeout_error',
  529: 'overloaded_error',
}

/** JSON text of a whole response: the engine's own error if it is worded like this. */
export function anthropicBody(error: GatewayError): string {
  return isAnthropic(error.body) ? errorBody(error) : anthropicErrorOf(error)
}

/** The error in our words. Our own code is the `code`, which Anthropic's API does not have. */
export function anthropicErrorOf(error: GatewayError): string {
  const { status, code, leg } = error
  const type = TYPES[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error')
  const details = { type, message: messageFor(error), code, ...(leg ? { leg } : {}) }
  return JSON.stringify({ type: 'error', error: details })
}

function isAnthropic(body: string | undefined): boolean {
  const payload = body === undefined ? undefined : parseObject(body)
  return payload?.['type'] === 'error' && isObject(payload['error'])
}
