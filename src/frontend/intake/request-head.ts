/**
 * Takes the head of a request over from uWebSockets.js: what it lends for the length of a callback is copied out.
 *
 * Sizes and content types are checked here; the body is not looked into.
 */
import { randomUUID } from 'node:crypto'
import { GatewayError } from '../../core/errors.ts'
import { isTimeoutHeader, TIMEOUT_HEADERS } from '../../messages/timeout-headers.ts'
import type { FlatHeaders } from '../../messages/types.ts'
import type { UwsRequest } from '../uws/uws.ts'
import { type Priority, priorityOf } from './priority.ts'

export interface RequestHead {
  /** As the client wrote it. */
  readonly method: string
  readonly path: string
  /** Raw, without the question mark. */
  readonly query: string
  /** What engines may see, and the request's timers. */
  readonly headers: FlatHeaders
  /** The client's own, or a new one. */
  readonly requestId: string
  readonly contentType: string
  /** As the client wrote it, several values joined by commas; empty when there is none. */
  readonly contentEncoding: string
  /** -1 when the client did not say; NaN when it said several things. */
  readonly contentLength: number
  /** For the queue, when the engines are full. */
  readonly priority: Priority
}

const FORWARDED = new Set([
  'authorization',
  'x-correlation-id',
  'traceparent',
  'tracestate',
  // For the router thread, which takes them out.
  ...Object.keys(TIMEOUT_HEADERS),
])
const PRIORITY = 'x-request-priority'
/** The Rust router's name for it. */
const SMG_PRIORITY = 'x-smg-priority'
const REQUEST_ID = 'x-request-id'
const USABLE_ID = /^[\x21-\x7e]{1,256}$/

/** What clients write there but for very few, with the comma that goes before each value. */
const PLAIN = new Set(['', ',keep-alive', ',close', ',Keep-Alive'])

/** To be called before anything else is done with the request. */
export function readRequestHead(req: UwsRequest): RequestHead {
  const taken: string[] = []
  let connection = ''
  let contentEncoding = ''
  const length = req.getHeader('content-length')
  let isLengthClear = true
  req.forEach((name, value) => {
    if (name === 'content-length' && value !== length) isLengthClear = false
    else if (name === 'connection') connection = `${connection},${value}`
    else if (name === 'content-encoding')
      contentEncoding = contentEncoding ? `${contentEncoding},${value}` : value
    if (FORWARDED.has(name) || name.startsWith('x-request-id-')) taken.push(name, value)
  })
  const headers = PLAIN.has(connection) ? taken : withoutConnectionHeaders(taken, connection)
  const ownId = req.getHeader(REQUEST_ID)
  const requestId = USABLE_ID.test(ownId) ? ownId : randomUUID()
  headers.push(REQUEST_ID, requestId)
  return {
    method: req.getCaseSensitiveMethod(),
    path: req.getUrl(),
    query: req.getQuery() ?? '',
    headers,
    requestId,
    contentType: req.getHeader('content-type'),
    contentEncoding,
    priority: priorityOf(req.getHeader(PRIORITY) || req.getHeader(SMG_PRIORITY)),
    contentLength: isLengthClear ? lengthOf(length) : Number.NaN,
  }
}

/** Headers named by `connection` end here (RFC 9110 section 7.6.1): what is for us stays, nothing of it is for engines. */
function withoutConnectionHeaders(headers: readonly string[], connection: string): string[] {
  const named = new Set(
    connection
      .toLowerCase()
      .split(',')
      .map(name => name.trim()),
  )
  return headers.filter((_, at) => {
    const name = headers[at - (at % 2)] ?? ''
    return !named.has(name) || isTimeoutHeader(name)
  })
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

/** Bodies are spliced and passed on as they come: a packed one would have to be unpacked first. */
export function checkContentEncoding(contentEncoding: string): GatewayError | undefined {
  if (contentEncoding === '' || contentEncoding.toLowerCase() === 'identity') return undefined
  return new GatewayError(
    'unsupported-media-type',
    `content-encoding ${contentEncoding.slice(0, 64)} is not taken: send the body as it is`,
  )
}

export function bodyTooLarge(limitBytes: number): GatewayError {
  return new GatewayError('body-too-large', `the request body is larger than ${limitBytes} bytes`)
}
