/**
 * The response to one request on a client's connection. Passes everything on to uWebSockets.js, and reports its end
 * to the connection.
 */
import type { UwsResponse } from '../uws/uws.ts'

export type BodyHandler = (chunk: ArrayBuffer, isLast: boolean) => void

/** The connection as its response knows it. */
export interface RespondingConnection {
  /** Whether the client has not sent all of its body yet. */
  readonly isReceiving: boolean
  /** Whether the response being written is the last on this connection. */
  readonly isLastResponse: boolean
  readonly isClosed: boolean
  /** Number of connections that have been closed. */
  readonly closings: number
  setHandlers(onBody: BodyHandler | undefined, onAborted: (() => void) | undefined): void
  /** `wasClosed`: uWebSockets.js has closed the connection in the same call. */
  onResponseEnd(wasClosed: boolean): void
  close(): void
}

export class ConnectionResponse implements UwsResponse {
  readonly #res: UwsResponse
  readonly #connection: RespondingConnection
  /** Whether `Connection: close` has been written by us. */
  #saysClose = false
  #isChunked = false

  constructor(res: UwsResponse, connection: RespondingConnection) {
    this.#res = res
    this.#connection = connection
  }

  writeStatus(status: string): this {
    this.#res.writeStatus(status)
    return this
  }

  writeHeader(name: string, value: string): this {
    if (name !== 'connection') this.#res.writeHeader(name, value)
    else this.#sayClose()
    return this
  }

  write(chunk: string | Uint8Array): boolean {
    if (!this.#isChunked) {
      this.#isChunked = true
      if (this.#connection.isLastResponse) this.#sayClose()
    }
    return this.#res.write(chunk)
  }

  end(body?: string | Uint8Array, closeConnection = false): this {
    const { closings } = this.#connection
    this.#res.end(body, this.#mustClose(closeConnection))
    return this.#ended(closings)
  }

  endWithoutBody(reportedContentLength?: number, closeConnection = false): this {
    const { closings } = this.#connection
    const mustClose = this.#mustClose(closeConnection)
    // Any argument, even `undefined`, would be sent as a Content-Length.
    if (reportedContentLength === undefined && !mustClose) this.#res.endWithoutBody()
    else this.#res.endWithoutBody(reportedContentLength, mustClose)
    return this.#ended(closings)
  }

  tryEnd(rest: Uint8Array, totalBytes: number): [isOk: boolean, hasResponded: boolean] {
    const { closings } = this.#connection
    if (this.#connection.isLastResponse) this.#sayClose()
    const result = this.#res.tryEnd(rest, totalBytes)
    if (result[1]) this.#ended(closings)
    return result
  }

  getWriteOffset(): number {
    return this.#res.getWriteOffset()
  }

  close(): this {
    this.#connection.close()
    return this
  }

  /** Has no effect after the end of the connection, when the library would end the process. */
  pause(): void {
    if (!this.#connection.isClosed) this.#res.pause()
  }

  /** As `pause`. */
  resume(): void {
    if (!this.#connection.isClosed) this.#res.resume()
  }

  cork(write: () => void): this {
    this.#res.cork(write)
    return this
  }

  getRemoteAddressAsText(): ArrayBuffer {
    return this.#res.getRemoteAddressAsText()
  }

  onWritable(handler: (offset: number) => boolean): this {
    this.#res.onWritable(handler)
    return this
  }

  onAborted(handler: () => void): this {
    this.#connection.setHandlers(undefined, handler)
    return this
  }

  onData(handler: BodyHandler): this {
    this.#connection.setHandlers(handler, undefined)
    return this
  }

  #sayClose(): void {
    if (this.#saysClose) return
    this.#saysClose = true
    this.#res.writeHeader('connection', 'close')
  }

  /**
   * Whether uWebSockets.js is to close the connection as soon as it has sent everything. A client that still sends its body
   * would lose the response by that, so it only gets the header, and the connection is closed after the body.
   */
  #mustClose(isAsked: boolean): boolean {
    const { isLastResponse, isReceiving } = this.#connection
    if (isAsked || !isLastResponse) return isAsked
    if (this.#isChunked || isReceiving) {
      if (!this.#isChunked) this.#sayClose()
      return false
    }
    return true
  }

  #ended(closings: number): this {
    this.#connection.onResponseEnd(this.#connection.closings !== closings)
    return this
  }
}
