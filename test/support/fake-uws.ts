/** The response object of uWebSockets.js for unit tests: records what is written, and lets a test play the client. */
import type { UwsResponse } from '../../src/frontend/uws/uws.ts'

export class FakeUwsResponse {
  /** Everything written, in order: `200 OK`, `name: value`, body text, `end` or `close`. */
  readonly written: string[] = []
  /** Whether the client's socket takes bytes at once. */
  keepsUp = true
  #onAborted: (() => void) | undefined
  #onData: ((chunk: ArrayBuffer, isLast: boolean) => void) | undefined
  #onWritable: ((offset: number) => boolean) | undefined
  #isOver = false

  asResponse(): UwsResponse {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the methods return `this` as an unknown
    return this as unknown as UwsResponse
  }

  /** A part of the request body arrives. */
  receive(text: string, isLast = true): void {
    this.#onData?.(new TextEncoder().encode(text).buffer, isLast)
  }

  /** The client leaves. */
  abort(): void {
    this.#isOver = true
    this.#onAborted?.()
  }

  /** The client's socket has taken everything that was buffered. */
  drain(): void {
    this.keepsUp = true
    this.#onWritable?.(0)
  }

  writeStatus(status: string): this {
    return this.#write(status)
  }

  writeHeader(name: string, value: string | Uint8Array): this {
    return this.#write(`${name}: ${textOf(value)}`)
  }

  write(chunk: string | Uint8Array): boolean {
    this.#write(textOf(chunk))
    return this.keepsUp
  }

  end(body?: string | Uint8Array): this {
    if (body !== undefined) this.#write(textOf(body))
    this.#write('end')
    this.#isOver = true
    return this
  }

  close(): this {
    this.#write('close')
    this.abort()
    return this
  }

  cork(write: () => void): this {
    write()
    return this
  }

  onWritable(handler: (offset: number) => boolean): this {
    this.#onWritable = handler
    return this
  }

  onAborted(handler: () => void): this {
    this.#onAborted = handler
    return this
  }

  onData(handler: (chunk: ArrayBuffer, isLast: boolean) => void): this {
    this.#onData = handler
    return this
  }

  #write(text: string): this {
    if (this.#isOver) throw new Error('uWebSockets.js forbids any call after the end of a response')
    this.written.push(text)
    return this
  }
}

function textOf(chunk: string | Uint8Array): string {
  return typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString()
}
