/** An error as an HTTP answer, or as the last event of a stream that has begun. */
import { errorBody, type GatewayError } from '../../core/errors.ts'
import type { FlatHeaders } from '../../messages/types.ts'

export interface LocalResponse {
  readonly status: number
  readonly headers: FlatHeaders
  readonly body: Uint8Array
}

/** `allow`: value of that header, for 405. */
export function toErrorResponse(error: GatewayError, allow?: string): LocalResponse {
  const headers = ['content-type', 'application/json']
  if (allow !== undefined) headers.push('allow', allow)
  if (error.retryAfterMs !== undefined) {
    headers.push('retry-after', String(Math.max(1, Math.ceil(error.retryAfterMs / 1000))))
  }
  return { status: error.status, headers, body: Buffer.from(errorBody(error)) }
}

/** Ends an SSE stream whose status can no longer tell of the failure. */
export function toErrorEvents(error: GatewayError): Uint8Array {
  return Buffer.from(`data: ${errorBody(error)}\n\ndata: [DONE]\n\n`)
}
