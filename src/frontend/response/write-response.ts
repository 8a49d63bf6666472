/**
 * Writes answers to uWebSockets.js. Everything here must run under cork, save what says otherwise.
 *
 * Knows HTTP framing and nothing of exchanges.
 */
import { STATUS_CODES } from 'node:http'
import type { FlatHeaders } from '../../messages/types.ts'
import type { UwsResponse } from '../uws/uws.ts'

export interface ResponseHead {
  readonly status: number
  readonly headers: FlatHeaders
  readonly requestId: string
  /** Tells the client to close the connection after this answer. */
  readonly isLast?: boolean
}

/** Bodies up to this size are copied by `end` when the client does not take them at once. */
const SMALL_BYTES = 64 * 1024

/** Router threads have left out what is not for the client; the id is ours, whatever an engine says. */
export function writeHead(res: UwsResponse, head: ResponseHead): void {
  const statusLine = `${head.status} ${STATUS_CODES[head.status] ?? 'Unknown'}`
  res.writeStatus(statusLine).writeHeader('x-request-id', head.requestId)
  if (head.isLast === true) res.writeHeader('connection', 'close')
  const { headers } = head
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const name = headers[at] ?? ''
    if (name !== 'x-request-id') res.writeHeader(name, headers[at + 1] ?? '')
  }
}

/**
 * Whole body after `writeHead`. A large one is written as the client takes it, from `body` itself: then false is
 * returned, and `onPart` hears of each further part.
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
