/**
 * One request on its way: the undici handler of a leg, and the handle of whoever sent it. Hot path: one object a leg,
 * no closures.
 */
import { headerIn } from '../../src/messages/flat-headers.ts'
import type { FlatHeaders } from '../../src/messages/types.ts'
import type { Connection } from './connection.ts'
import { HeaderCache } from './header-cache.ts'
import type { BodySink } from './lean-socket.ts'
import { toTransportError } from './transport-error.ts'
import type { RequestHandle, ResponseHandler, UpstreamRequestOptions } from './types.ts'

/** Where the connection goes when the leg has done with it. */
export interface RequestOwner {
  /** The connection may carry another leg. */
  giveBack(connection: Connection): void
  /** The connection is destroyed. */
  discard(connection: Connection): void
  /** The leg no longer waits for a connection. */
  forget(leg: UpstreamRequest): void
}

export class UpstreamRequest implements RequestHandle, BodySink {
  readonly request: UpstreamRequestOptions
  wasSent = false
  isDone = false
  readonly #handler: ResponseHandler
  readonly #owner: RequestOwner
  #connection: Connection | undefined
  #resume: (() => void) | undefined
  #isReused = false
  #isPaused = false

  constructor(request: UpstreamRequestOptions, handler: ResponseHandler, owner: RequestOwner) {
    this.request = request
    this.#handler = handler
    this.#owner = owner
  }

  /** Starts the request on a connection that is free. */
  runOn(connection: Connection): void {
    this.#connection = connection
    connection.dispatch(this.request, this)
  }

  abort(): void {
    if (this.isDone) return
    this.isDone = true
    if (this.#connection === undefined) this.#owner.forget(this)
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
    // Deferred: undici must not be resumed from within a parser's callback, this leg's or another's.
    queueMicrotask(() => {
      if (this.#isPaused || this.isDone) return
      this.#resume?.()
      this.#connection?.resume()
    })
  }

  /** The request is written next. */
  onConnect(): void {
    this.wasSent = true
    const connection = this.#connection
    if (connection === undefined) return
    this.#isReused = connection.wasUsed
    connection.wasUsed = true
    connection.expectHead()
  }

  onResponseStarted(): void {
    this.#isReused = false
  }

  onHeaders(status: number, rawHeaders: readonly Buffer[], resume: () => void): boolean {
    // 1xx: the answer itself is still to come.
    if (this.isDone || status < 200) return true
    this.#resume = resume
    const headers = toFlat(rawHeaders)
    this.#connection?.expectBody(isChunked(headers) ? this : undefined)
    this.#handler.onHead(status, headers)
    return !this.#isPaused
  }

  onData(bytes: Buffer): boolean {
    this.#connection?.sawData(bytes)
    // Undici goes on with an empty piece: a handler that pauses at each would never get past it.
    if (bytes.length > 0) this.onBodyData(bytes)
    return !this.#isPaused
  }

  onBodyData(data: Buffer): void {
    if (!this.isDone) this.#handler.onData(data)
  }

  onComplete(): void {
    if (this.isDone) return
    this.isDone = true
    if (this.#connection !== undefined) this.#owner.giveBack(this.#connection)
    this.#handler.onEnd()
  }

  onError(error: Error): void {
    if (this.isDone) return
    this.isDone = true
    if (this.#connection !== undefined) this.#owner.discard(this.#connection)
    this.#handler.onError(toTransportError(error, this.#isReused))
  }
}

const NAMES = new HeaderCache(bytes => bytes.toString('latin1').toLowerCase())
const VALUES = new HeaderCache(bytes => bytes.toString('latin1'))

/** RFC 9112 section 6.1: chunked is the last coding of all; what else there is stays as it is. */
function isChunked(headers: FlatHeaders): boolean {
  return headerIn(headers, 'transfer-encoding')?.toLowerCase() === 'chunked'
}

function toFlat(raw: readonly Buffer[]): FlatHeaders {
  const flat: string[] = []
  for (let at = 0; at < raw.length; at++) {
    const bytes = raw[at]
    if (bytes !== undefined) flat.push((at % 2 === 0 ? NAMES : VALUES).textOf(bytes))
  }
  return flat
}
