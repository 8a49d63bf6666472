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

const OBS_TEXT = /[\x80-\xff]/

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
    if (name !== 'x-request-id') res.writeHeader(name, opaque(headers[index + 1] ?? ''))
  }
}

/** One character per byte of an engine's header, whatever its encoding (RFC 9110 section 5.5), as the bytes they were. */
function opaque(value: string): string | Uint8Array {
  return OBS_TEXT.test(value) ? Buffer.from(value, 'latin1') : value
}

/**
 * Writes a whole response. Returns whether all of it was taken. If not, the rest is written from `body` as the client
 * takes it, with a call of `onPart` for each part. The connection is closed after the last response, except where the
 * body is large: then its head asks the client to close it.
 */
export function writeWhole(
  res: UwsResponse,
  head: ResponseHead,
  body: Uint8Array,
  onPart: (isAll: boolean) => void,
): boolean {
  const isLast = head.isLast === true
  if (body.length <= SMALL_BYTES) {
    // `end` adds `Connection: close` itself.
    writeHead(res, { ...head, isLast: false })
    res.end(body, isLast)
    return true
  }
  writeHead(res, head)
  const before = res.getWriteOffset()
  if (res.tryEnd(body, body.length)[1]) return true
  res.onWritable(offset => {
    const [isOk, hasResponded] = res.tryEnd(body.subarray(offset - before), body.length)
    onPart(hasResponded)
    return isOk
  })
  return false
}
