/**
 * Refuses a request whose framing cannot be relied upon, and closes its connection before anything that follows is read as
 * a request.
 *
 * uWebSockets.js goes on parsing what it has read when a handler returns, unless the connection is closed by then. But what
 * a handler has written is sent only after that, except what does not fit its buffer. So the response is made larger than
 * the buffer, by spaces after its JSON, and it is written where the status belongs: a response that is ended in the regular
 * way takes the handlers of its connection with it.
 */
import { STATUS_CODES } from 'node:http'
import type { GatewayError } from '../../core/errors.ts'
import { errorDialectAt } from '../../error-response/error-dialect.ts'
import { toErrorResponse } from '../../error-response/error-response.ts'
import type { UwsResponse } from '../uws/uws.ts'

/** The buffer of uWebSockets.js holds 16 KiB. */
const RESPONSE_BYTES = 16_384 + 1024
/** Written after the status by uWebSockets.js. */
const LINE_END_BYTES = 2

export function refuseAtOnce(
  res: UwsResponse,
  { requestId, path }: { readonly requestId: string; readonly path: string },
  error: GatewayError,
): void {
  const { status, headers, body } = toErrorResponse(error, errorDialectAt(path))
  const text = Buffer.from(body).toString().padEnd(RESPONSE_BYTES)
  const lines = [
    `${status} ${STATUS_CODES[status] ?? 'Unknown'}`,
    'connection: close',
    `x-request-id: ${requestId}`,
  ]
  for (let index = 0; index + 1 < headers.length; index += 2)
    lines.push(`${headers[index]}: ${headers[index + 1]}`)
  lines.push(`content-length: ${Buffer.byteLength(text) + LINE_END_BYTES}`, '', text)
  res.writeStatus(lines.join('\r\n'))
  res.close()
}
