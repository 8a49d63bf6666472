/**
 * The response to one request on a client's connection. Passes everything on to uWebSockets.js, and tells the connection
 * when the response has ended.
 */
import type { UwsResponse } from '../uws/uws.ts'
import type { BodyHandler, ClientConnection } from './client-connection.ts'

export class ConnectionResponse implements UwsResponse {
  readonly #res: UwsResponse
  readonly #connection: ClientConnection
  /** Whether `Connection: close` has been written by us. */
  #saysClose = false
  #isChunked = false
  #hasEnded = false

  constructor(res: UwsResponse, connection: ClientConnection) {
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

  pause(): void {
    this.#res.pause()
  }

  resume(): void {
    this.#res.resume()
  }

  /**
   * Within the delivery of the request's data the call is put off: uWebSockets.js then forgets the handler for data, and
   * would go on to parse what follows the request.
   */
  cork(write: () => void): this {
    if (!this.#connection.isDelivering) this.#res.cork(write)
    else {
      setImmediate(() => {
        if (!this.#connection.isClosed && !this.#hasEnded) this.#res.cork(write)
      })
    }
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
   * would lose the response by that, so it is only told, and the connection is closed after the body.
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
    this.#hasEnded = true
    this.#connection.onResponseEnd(this.#connection.closings !== closings)
    return this
  }
}
