/**
 * Takes a request over from uWebSockets.js: what it lends for the length of a callback is copied out.
 *
 * Sizes and content types are checked here; the body is not looked into.
 */
import { randomUUID } from 'node:crypto'
import { GatewayError } from '../core/errors.ts'
import type { FlatHeaders } from '../messages/types.ts'
import type { UwsRequest, UwsResponse } from './uws.ts'

export interface Intake {
  /** As the client wrote it. */
  readonly method: string
  readonly path: string
  /** Raw, without the question mark. */
  readonly query: string
  /** Only what engines may see. */
  readonly headers: FlatHeaders
  /** The client's own, or a new one. */
  readonly requestId: string
  readonly contentType: string
  /** -1 when the client did not say; NaN when it said several things. */
  readonly contentLength: number
}

const FORWARDED = new Set(['authorization', 'x-correlation-id', 'traceparent', 'tracestate'])
const REQUEST_ID = 'x-request-id'
const USABLE_ID = /^[\x21-\x7e]{1,256}$/

/** To be called before anything else is done with the request. */
export function readIntake(req: UwsRequest): Intake {
  const headers: string[] = []
  const length = req.getHeader('content-length')
  let isLengthClear = true
  req.forEach((name, value) => {
    if (name === 'content-length' && value !== length) isLengthClear = false
    if (FORWARDED.has(name) || name.startsWith('x-request-id-')) headers.push(name, value)
  })
  const ownId = req.getHeader(REQUEST_ID)
  const requestId = USABLE_ID.test(ownId) ? ownId : randomUUID()
  headers.push(REQUEST_ID, requestId)
  return {
    method: req.getCaseSensitiveMethod(),
    path: req.getUrl(),
    query: req.getQuery(),
    headers,
    requestId,
    contentType: req.getHeader('content-type'),
    contentLength: isLengthClear ? lengthOf(length) : Number.NaN,
  }
}

function lengthOf(header: string): number {
  return header === '' ? -1 : Number(header)
}

const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i

/** A missing content type is taken for JSON. */
export function checkContentType(contentType: string): GatewayError | undefined {
  if (contentType === '' || JSON_TYPE.test(contentType)) return undefined
  return new GatewayError('unsupported-media-type', 'content-type must be application/json')
}

export function bodyTooLarge(limitBytes: number): GatewayError {
  return new GatewayError('body-too-large', `the request body is larger than ${limitBytes} bytes`)
}

/** Memory taken at once on the word of a content-length header alone. */
const TRUSTED_BYTES = 16 * 1024 * 1024

export interface BodyReader {
  /** -1 when unknown. */
  readonly contentLength: number
  readonly limitBytes: number
  /** The whole body; valid only during the call. */
  readonly onBody: (body: Uint8Array) => void
  /** Called once, in place of `onBody`; what still comes is dropped. */
  readonly onTooLarge: () => void
}

/** A body that comes in one piece is handed on without a copy. */
export function readBody(res: UwsResponse, reader: BodyReader): void {
  let collected: Buffer | undefined
  let length = 0
  let isTooLarge = false
  res.onData((lent, isLast) => {
    if (isTooLarge) return
    const piece = new Uint8Array(lent)
    if (length + piece.length > reader.limitBytes) {
      isTooLarge = true
      collected = undefined
      reader.onTooLarge()
      return
    }
    if (isLast && collected === undefined) {
      reader.onBody(piece)
      return
    }
    collected = withRoom(collected, length + piece.length, reader)
    collected.set(piece, length)
    length += piece.length
    if (isLast) reader.onBody(collected.subarray(0, length))
  })
}

function withRoom(collected: Buffer | undefined, needed: number, reader: BodyReader): Buffer {
  if (collected === undefined) {
    const expected = Math.min(reader.contentLength, TRUSTED_BYTES, reader.limitBytes)
    return Buffer.allocUnsafe(Math.max(expected, needed))
  }
  if (needed <= collected.length) return collected
  const grown = Buffer.allocUnsafe(Math.min(reader.limitBytes, Math.max(needed, 2 * collected.length)))
  grown.set(collected)
  return grown
}
