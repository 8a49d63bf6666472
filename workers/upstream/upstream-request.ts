/**
 * One HTTP request to an engine: the handler that undici calls, and the handle of the sender. Hot path: one object per
 * request, no closures.
 *
 * Implements the handler interface of undici 7. On undici 8 the callbacks become `onRequestStart(controller)`,
 * `onResponseStart(controller, status, headers)`, `onResponseData(controller, data)`, `onResponseEnd(controller)` and
 * `onResponseError(controller, error)`; pausing becomes `controller.pause()` and `resume()` instead of a returned `false`
 * and a `resume` callback, and the raw headers move to `controller.rawHeaders`.
 */
import { headerIn } from '../../src/messages/flat-headers.ts'
import type { FlatHeaders } from '../../src/messages/types.ts'
import type { Connection } from './connection.ts'
import { HeaderCache } from './header-cache.ts'
import type { BodyHandler, HeadHandler } from './lean-socket.ts'
import { toTransportError } from './transport-error.ts'
import type { RequestHandle, ResponseHandler, UpstreamRequestOptions } from './types.ts'

/** The pool that the request's connection returns to. */
export interface RequestOwner {
  /** The connection is free for another request. */
  release(connection: Connection): void
  /** The connection must be destroyed. */
  discard(connection: Connection): void
  /** The request no longer waits for a connection. */
  stopWaiting(request: UpstreamRequest): void
}

/** For engines that have said all they had to say, but have not ended the body. Most end it in the same packet. */
const REST_MS = 1000

const REQUEST_TIMEOUT = 408

const NOBODY: ResponseHandler = { onHead() {}, onData() {}, onEnd() {}, onError() {} }

export class UpstreamRequest implements RequestHandle, HeadHandler, BodyHandler {
  readonly options: UpstreamRequestOptions
  wasSent = false
  isDone = false
  #handler: ResponseHandler
  readonly #owner: RequestOwner
  #connection: Connection | undefined
  /** Undici's callback that resumes its parser. */
  #resumeParser: (() => void) | undefined
  #isReused = false
  /** The connection has carried another request before this one. */
  #isOnUsedConnection = false
  #isPaused = false
  /** Set once the request was left. */
  #restTimer: NodeJS.Timeout | undefined

  constructor(options: UpstreamRequestOptions, handler: ResponseHandler, owner: RequestOwner) {
    this.options = options
    this.#handler = handler
    this.#owner = owner
  }

  /** Sends the request on a free connection. */
  sendOn(connection: Connection): void {
    this.#connection = connection
    connection.dispatch(this.options, this)
  }

  leave(): void {
    if (this.isDone || this.#restTimer !== undefined) return
    this.#handler = NOBODY
    this.#restTimer = setTimeout(() => this.#close(), REST_MS)
    this.resume()
  }

  abort(): void {
    if (this.#restTimer === undefined) this.#close()
  }

  #close(): void {
    if (this.isDone) return
    this.isDone = true
    if (this.#connection === undefined) this.#owner.stopWaiting(this)
    else this.#owner.discard(this.#connection)
  }

  pause(): void {
    this.#isPaused = true
  }

  get isPaused(): boolean {
    return this.#isPaused && !this.isDone
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    // Deferred, because undici's parser must not be resumed from a callback of its own or of another request's parser.
    queueMicrotask(() => {
      if (this.#isPaused || this.isDone) return
      this.#resumeParser?.()
      this.#connection?.resumeReading()
    })
  }

  /** Called by undici just before it writes the request. */
  onConnect(): void {
    this.wasSent = true
    const connection = this.#connection
    if (connection === undefined) return
    this.#isReused = this.#isOnUsedConnection = connection.wasUsed
    connection.wasUsed = true
    connection.expectHead(this)
  }

  /** Called when the first byte of the response has arrived. */
  onResponseStarted(): void {
    this.#isReused = false
  }

  onHeaders(status: number, rawHeaders: readonly Buffer[], resumeParser: () => void): boolean {
    // An interim response (1xx): the final head follows.
    if (this.isDone || status < 200) return true
    if (status === REQUEST_TIMEOUT && this.#isOnUsedConnection) return this.#onIdleTimeout()
    this.#resumeParser = resumeParser
    const headers = toFlat(rawHeaders)
    this.#connection?.expectBody(isChunked(headers) ? this : undefined)
    this.#handler.onHead(status, headers)
    return !this.#isPaused
  }

  /** The server gave up the idle connection just before it received this request (RFC 9110 section 15.5.9). */
  #onIdleTimeout(): boolean {
    this.isDone = true
    clearTimeout(this.#restTimer)
    if (this.#connection !== undefined) this.#owner.discard(this.#connection)
    const message = `closed a reused connection with status ${REQUEST_TIMEOUT}`
    this.#handler.onError({ kind: 'reset', message, isStaleSocket: true })
    return true
  }

  onData(bytes: Buffer): boolean {
    this.#connection?.noteParsedData(bytes)
    // Undici continues after a pause with an empty chunk. A handler that pauses on every chunk would never get past it.
    if (bytes.length > 0) this.onBodyData(bytes)
    return !this.#isPaused
  }

  /** Called for chunks that bypass undici's parser, too. */
  onBodyData(data: Buffer): void {
    if (!this.isDone) this.#handler.onData(data)
  }

  onComplete(): void {
    if (this.isDone) return
    this.isDone = true
    clearTimeout(this.#restTimer)
    if (this.#connection !== undefined) this.#owner.release(this.#connection)
    this.#handler.onEnd()
  }

  onError(error: Error): void {
    if (this.isDone) return
    this.isDone = true
    clearTimeout(this.#restTimer)
    if (this.#connection !== undefined) this.#owner.discard(this.#connection)
    this.#handler.onError({ ...toTransportError(error, this.#isReused), wasSent: this.wasSent })
  }
}

const NAMES = new HeaderCache(bytes => bytes.toString('latin1').toLowerCase())
const VALUES = new HeaderCache(bytes => bytes.toString('latin1'))

/** Whether chunked is the only transfer coding. Bodies with further codings (RFC 9112 section 6.1) are left to undici. */
function isChunked(headers: FlatHeaders): boolean {
  return headerIn(headers, 'transfer-encoding')?.toLowerCase() === 'chunked'
}

function toFlat(raw: readonly Buffer[]): FlatHeaders {
  const flat: string[] = []
  for (let index = 0; index < raw.length; index++) {
    const bytes = raw[index]
    if (bytes !== undefined) flat.push((index % 2 === 0 ? NAMES : VALUES).textOf(bytes))
  }
  return flat
}
