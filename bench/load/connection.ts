/**
 * A client's connection: one request at a time over a plain socket. Hot path: all sockets of the process read into one
 * buffer, so 10,000 of them cost no read buffers.
 */
import { connect, type Socket } from 'node:net'
import { type AnswerListener, HttpReader } from './http-reader.ts'

/** Why an answer did not come to its end. */
export type LossKind = 'connect' | 'reset' | 'truncated' | 'malformed'

export interface AnswerUser extends AnswerListener {
  /** Instead of `end`, and nothing after it. */
  lost(kind: LossKind, detail: string): void
}

export interface Target {
  readonly host: string
  readonly port: number
  /** Own address to connect from; unset: the kernel's choice. */
  readonly localAddress: string | undefined
}

const SHARED = Buffer.allocUnsafeSlow(64 * 1024)

export class LoadConnection implements AnswerListener {
  readonly #socket: Socket
  /** One for all answers of the connection: what is made anew for each request is what the collector has to clear. */
  readonly #reader = new HttpReader(this)
  #user: AnswerUser | undefined
  #hasHead = false
  #isConnected = false
  #isClosed = false
  /** When the last answer ended. */
  idleSinceMs = 0

  constructor({ host, port, localAddress }: Target) {
    this.#socket = connect({
      host,
      port,
      noDelay: true,
      ...(localAddress === undefined ? {} : { localAddress }),
      onread: { buffer: SHARED, callback: byteCount => this.#receive(byteCount) },
    })
    this.#socket.on('connect', () => {
      this.#isConnected = true
    })
    this.#socket.on('end', () => this.#ended())
    this.#socket.on('error', error => this.#failed(error))
    this.#socket.on('close', () => this.#closed())
  }

  /** Whether another request may go over it. */
  get isReusable(): boolean {
    return !this.#isClosed && this.#reader.isDone && this.#reader.isKeptAlive
  }

  /** May be called before there is a connection. `isAscii`: all of it, which is cheaper to send. */
  send(request: string, isAscii: boolean, user: AnswerUser): void {
    this.#user = user
    this.#hasHead = false
    this.#reader.begin()
    this.#socket.write(request, isAscii ? 'latin1' : 'utf8')
  }

  /** From the reader, as the two below. */
  head(status: number, headers: ReadonlyMap<string, string>): void {
    this.#hasHead = true
    this.#user?.head(status, headers)
  }

  body(bytes: Buffer): void {
    this.#user?.body(bytes)
  }

  end(): void {
    const user = this.#user
    this.#user = undefined
    user?.end()
  }

  /** A slow client: nothing is read for a while. */
  pauseFor(ms: number): void {
    if (this.#isClosed) return
    this.#socket.pause()
    setTimeout(() => this.#socket.resume(), ms).unref()
  }

  /** The user hears no more. */
  destroy(): void {
    this.#user = undefined
    this.#isClosed = true
    this.#socket.destroy()
  }

  #receive(byteCount: number): boolean {
    const fault = this.#reader.push(SHARED.subarray(0, byteCount))
    if (fault !== undefined) this.#lose('malformed', fault)
    return true
  }

  #ended(): void {
    this.#isClosed = true
    if (this.#user === undefined || this.#reader.close()) return
    this.#lose(this.#hasHead ? 'truncated' : 'reset', 'the connection was closed')
  }

  #failed(error: NodeJS.ErrnoException): void {
    const kind = this.#hasHead ? 'truncated' : this.#isConnected ? 'reset' : 'connect'
    this.#lose(kind, error.code ?? error.message)
  }

  #closed(): void {
    this.#isClosed = true
    this.#lose(this.#hasHead ? 'truncated' : 'reset', 'the connection was closed')
  }

  #lose(kind: LossKind, detail: string): void {
    const user = this.#user
    this.destroy()
    user?.lost(kind, detail)
  }
}
