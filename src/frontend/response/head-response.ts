/** Responds to HEAD with the head of the response to GET: same status and headers, and no body (RFC 9110 section 9.3.2). */
import type { UwsResponse } from '../uws/uws.ts'

/** Passes everything on but the body. For responses that are written whole, not for streams. */
export class HeadResponse implements UwsResponse {
  readonly #res: UwsResponse

  constructor(res: UwsResponse) {
    this.#res = res
  }

  writeStatus(status: string): this {
    this.#res.writeStatus(status)
    return this
  }

  writeHeader(name: string, value: string): this {
    this.#res.writeHeader(name, value)
    return this
  }

  write(): boolean {
    return true
  }

  end(body?: string | Uint8Array, closeConnection?: boolean): this {
    this.#res.endWithoutBody(body === undefined ? 0 : Buffer.byteLength(body), closeConnection)
    return this
  }

  endWithoutBody(reportedContentLength?: number, closeConnection?: boolean): this {
    this.#res.endWithoutBody(reportedContentLength, closeConnection)
    return this
  }

  tryEnd(_rest: Uint8Array, totalBytes: number): [isOk: boolean, hasResponded: boolean] {
    this.#res.endWithoutBody(totalBytes)
    return [true, true]
  }

  getWriteOffset(): number {
    return 0
  }

  close(): this {
    this.#res.close()
    return this
  }

  cork(write: () => void): this {
    this.#res.cork(write)
    return this
  }

  onWritable(handler: (offset: number) => boolean): this {
    this.#res.onWritable(handler)
    return this
  }

  onAborted(handler: () => void): this {
    this.#res.onAborted(handler)
    return this
  }

  pause(): void {
    this.#res.pause()
  }

  resume(): void {
    this.#res.resume()
  }

  getRemoteAddressAsText(): ArrayBuffer {
    return this.#res.getRemoteAddressAsText()
  }

  onData(handler: (chunk: ArrayBuffer, isLast: boolean) => void): this {
    this.#res.onData(handler)
    return this
  }
}
