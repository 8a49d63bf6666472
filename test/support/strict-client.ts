/** A client that keeps its connection alive and takes no deviation from HTTP/1.1 framing (RFC 9112 section 7.1). */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { HttpReader } from '../../bench/load/connections/http-reader.ts'

export interface StrictResponse {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
  /** Whether the body ended with its last chunk or its last byte, rather than with the connection. */
  readonly isComplete: boolean
}

export class StrictClient {
  readonly #socket: Socket
  #isClosed = false
  #onChange: (() => void) | undefined
  #pieces: string[] = []
  #status = 0
  #headers: ReadonlyMap<string, string> = new Map()
  readonly #reader = new HttpReader({
    onHead: (status, headers) => {
      this.#status = status
      this.#headers = headers
    },
    onData: bytes => this.#pieces.push(bytes.toString('latin1')),
    onEnd: () => undefined,
  })

  constructor(t: TestContext, origin: string) {
    this.#socket = connect(Number(new URL(origin).port), '127.0.0.1')
    t.after(() => this.#socket.destroy())
    this.#socket.on('data', bytes => {
      const fault = this.#reader.push(bytes)
      assert.equal(fault, undefined, `${fault}: ${bytes.toString('latin1').slice(-200)}`)
      this.#onChange?.()
    })
    this.#socket.on('error', () => undefined)
    this.#socket.on('close', () => {
      this.#isClosed = true
      this.#onChange?.()
    })
  }

  /** Sends a request and waits for the head of its response. The body is read by `rest`. */
  async send(path: string, body = '{}'): Promise<void> {
    this.#pieces = []
    this.#status = 0
    this.#reader.begin()
    const head = `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}`
    this.#socket.write(`${head}\r\n\r\n${body}`)
    await this.#until(() => this.#status > 0)
  }

  /** Stops reading until `rest`. */
  pause(): void {
    this.#socket.pause()
  }

  async rest(): Promise<StrictResponse> {
    this.#socket.resume()
    await this.#until(() => this.#reader.isDone)
    const isComplete = this.#reader.isDone
    return { status: this.#status, headers: this.#headers, body: this.#pieces.join(''), isComplete }
  }

  /** Waits until the server has closed the connection. */
  async closed(): Promise<void> {
    if (!this.#isClosed) await once(this.#socket, 'close')
  }

  /** Also returns when the connection is closed. */
  async #until(isTrue: () => boolean): Promise<void> {
    while (!isTrue() && !this.#isClosed) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#onChange = resolve
      await promise
    }
    this.#onChange = undefined
  }
}
