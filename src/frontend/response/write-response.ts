/** Writes heads and whole bodies to uWebSockets.js. Call these functions under cork. */
import { STATUS_CODES } from 'node:http'
import type { FlatHeaders } from '../../messages/types.ts'
import type { UwsResponse } from '../uws/uws.ts'

export interface ResponseHead {
  readonly status: number
  readonly headers: FlatHeaders
  readonly requestId: string
  /** Adds `Connection: close`. */
  readonly isLast?: boolean
}

/** Bodies up to this size are written with `end`, which copies the bytes that the client does not take at once. */
const SMALL_BYTES = 64 * 1024

/** Router threads have removed hop-by-hop headers. An engine's `x-request-id` is replaced by ours. */
export function writeHead(res: UwsResponse, head: ResponseHead): void {
  const statusLine = `${head.status} ${STATUS_CODES[head.status] ?? 'Unknown'}`
  res.writeStatus(statusLine).writeHeader('x-request-id', head.requestId)
  if (head.isLast === true) res.writeHeader('connection', 'close')
  const { headers } = head
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] ?? ''
    if (name !== 'x-request-id') res.writeHeader(name, headers[index + 1] ?? '')
  }
}

/**
 * Writes the body of a response whose head has been written. Returns whether all of it was taken. If not, the rest is
 * written from `body` as the client takes it, with a call of `onPart` for each part.
 */
export function writeWholeBody(
  res: UwsResponse,
  body: Uint8Array,
  onPart: (isAll: boolean) => void,
): boolean {
  if (body.length <= SMALL_BYTES) {
    res.end(body)
    return true
  }
  const before = res.getWriteOffset()
  if (res.tryEnd(body, body.length)[1]) return true
  res.onWritable(offset => {
    const [isOk, hasResponded] = res.tryEnd(body.subarray(offset - before), body.length)
    onPart(hasResponded)
    return isOk
  })
  return false
}
