/**
 * Copies the head of a request out of uWebSockets.js, whose request object is valid only during the callback.
 *
 * Content types and encodings are checked here; the body is not parsed.
 */
import { randomUUID } from 'node:crypto'
import { GatewayError } from '../../core/errors.ts'
import { RANK_HEADER } from '../../messages/flat-headers.ts'
import { isTimeoutHeader, TIMEOUT_HEADERS } from '../../messages/timeout-headers.ts'
import type { FlatHeaders } from '../../messages/types.ts'
import type { UwsRequest } from '../uws/uws.ts'
import { type Priority, priorityOf } from './priority.ts'
import { isChangePath } from './routes.ts'

export interface RequestHead {
  /** In the case that the client sent. */
  readonly method: string
  readonly path: string
  /** Not decoded, without the question mark; empty if there is none. */
  readonly query: string
  /** Headers that are forwarded to engines, and those that set timeouts of the request. */
  readonly headers: FlatHeaders
  /** The first usable id among the headers of `server.requestIdHeaders`, else a new one. */
  readonly requestId: string
  readonly contentType: string
  /** All values of `Content-Encoding`, joined by commas; empty if there is none. */
  readonly contentEncoding: string
  /** -1 without a `Content-Length` header; NaN unless it is one plain number. */
  readonly contentLength: number
  /** All values of `Transfer-Encoding`, joined by commas; `undefined` without the header. */
  readonly transferEncoding: string | undefined
  /** Class in the admission queue. */
  readonly priority: Priority
  /** All headers, if the request may change something (`isChangePath`). */
  readonly changeHeaders: ReadonlyMap<string, string> | undefined
}

const FORWARDED = new Set([
  'authorization',
  'x-correlation-id',
  'traceparent',
  'tracestate',
  RANK_HEADER,
  // For the router thread, which does not forward them.
  ...Object.keys(TIMEOUT_HEADERS),
])
const PRIORITY = 'x-request-priority'
/** The Rust router's name for the priority header. */
const SMG_PRIORITY = 'x-smg-priority'
const REQUEST_ID = 'x-request-id'
const USABLE_ID = /^[\x21-\x7e]{1,256}$/

/** The common values of `Connection`, each preceded by a comma. They name no header that would have to be removed. */
const PLAIN_CONNECTION = new Set(['', ',keep-alive', ',close', ',Keep-Alive'])

/** How heads are read; the same for all requests. */
export interface HeadOptions {
  /** Headers that may have the id of the request, in lower case, the most trusted first. */
  readonly idHeaders: readonly string[]
  /** See `forwardedHeaders`. */
  readonly forwarded: ReadonlySet<string>
}

/** Headers that are forwarded to engines, and `keyHeaders`, which may have the routing key of a request. */
export function forwardedHeaders(keyHeaders: readonly string[]): ReadonlySet<string> {
  // The id of the request is added in any case.
  return new Set([...FORWARDED, ...keyHeaders.filter(name => name !== REQUEST_ID)])
}

/** Must be called synchronously in the request callback. */
export function readRequestHead(req: UwsRequest, options: HeadOptions): RequestHead {
  const fields = new HeadFields(options)
  req.forEach((name, value) => fields.add(name, value))
  const { taken, connection } = fields
  const headers = PLAIN_CONNECTION.has(connection) ? taken : withoutConnectionHeaders(taken, connection)
  const requestId = fields.requestId() ?? randomUUID()
  headers.push(REQUEST_ID, requestId)
  const path = req.getUrl()
  return {
    method: req.getCaseSensitiveMethod(),
    path,
    query: req.getQuery() ?? '',
    headers,
    requestId,
    contentType: fields.contentType ?? '',
    contentEncoding: fields.contentEncoding,
    priority: priorityOf(fields.priority || fields.smgPriority || ''),
    contentLength: fields.contentLength,
    transferEncoding: fields.transferEncoding,
    changeHeaders: isChangePath(path) ? allHeaders(req) : undefined,
  }
}

/**
 * What one pass over the headers finds: asking for each by its name costs more than the whole pass. Of headers that may
 * not be repeated the first counts.
 */
class HeadFields {
  readonly taken: string[] = []
  connection = ''
  contentEncoding = ''
  transferEncoding: string | undefined
  contentLength = -1
  contentType: string | undefined
  priority: string | undefined
  smgPriority: string | undefined
  #ids: Map<string, string> | undefined
  readonly #options: HeadOptions

  constructor(options: HeadOptions) {
    this.#options = options
  }

  add(name: string, value: string): void {
    const { forwarded, idHeaders } = this.#options
    this.#addFraming(name, value)
    this.#addFirst(name, value)
    if (idHeaders.includes(name)) this.#addId(name, value)
    if (forwarded.has(name) || name.startsWith('x-request-id-')) this.taken.push(name, value)
  }

  /** The first usable id, in the order of the options. */
  requestId(): string | undefined {
    if (this.#ids === undefined) return undefined
    for (const name of this.#options.idHeaders) {
      const id = this.#ids.get(name)
      if (id !== undefined && USABLE_ID.test(id)) return id
    }
    return undefined
  }

  #addId(name: string, value: string): void {
    this.#ids ??= new Map()
    if (!this.#ids.has(name)) this.#ids.set(name, value)
  }

  #addFraming(name: string, value: string): void {
    switch (name) {
      case 'content-length':
        this.contentLength = this.contentLength === -1 ? lengthOf(value) : Number.NaN
        return
      case 'transfer-encoding':
        this.transferEncoding = joined(this.transferEncoding, value)
        return
      case 'content-encoding':
        this.contentEncoding = joined(this.contentEncoding || undefined, value)
        return
      case 'connection':
        this.connection = `${this.connection},${value}`
    }
  }

  #addFirst(name: string, value: string): void {
    switch (name) {
      case 'content-type':
        this.contentType ??= value
        return
      case PRIORITY:
        this.priority ??= value
        return
      case SMG_PRIORITY:
        this.smgPriority ??= value
    }
  }
}

function joined(list: string | undefined, value: string): string {
  return list === undefined ? value : `${list},${value}`
}

function allHeaders(req: UwsRequest): Map<string, string> {
  const headers = new Map<string, string>()
  req.forEach((name, value) => headers.set(name, value))
  return headers
}

/** Removes the headers named by `Connection`, which are hop-by-hop (RFC 9110 section 7.6.1), but keeps our timeout headers. */
function withoutConnectionHeaders(headers: readonly string[], connection: string): string[] {
  const named = new Set(
    connection
      .toLowerCase()
      .split(',')
      .map(name => name.trim()),
  )
  return headers.filter((_, index) => {
    const name = headers[index - (index % 2)] ?? ''
    return !named.has(name) || isTimeoutHeader(name)
  })
}

const DIGITS = /^\d{1,15}$/

function lengthOf(header: string): number {
  return DIGITS.test(header) ? Number(header) : Number.NaN
}

/** Characters of a client's header that an error message repeats. */
const MAX_QUOTED = 64
const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i

/** A missing content type is treated as JSON. */
export function checkContentType(contentType: string): GatewayError | undefined {
  if (contentType === '' || JSON_TYPE.test(contentType)) return undefined
  return new GatewayError(
    'unsupported-media-type',
    `Unsupported Content-Type ${contentType.slice(0, MAX_QUOTED)}: send application/json`,
  )
}

/** Fields are inserted into the bytes of the body, which a compressed body does not allow. */
export function checkContentEncoding(contentEncoding: string): GatewayError | undefined {
  if (contentEncoding === '' || contentEncoding.toLowerCase() === 'identity') return undefined
  return new GatewayError(
    'unsupported-media-type',
    `Unsupported Content-Encoding ${contentEncoding.slice(0, MAX_QUOTED)}: send the body uncompressed`,
  )
}

export function bodyTooLarge(limitBytes: number): GatewayError {
  return new GatewayError('body-too-large', `The request body exceeds the limit of ${limitBytes} bytes`)
}
