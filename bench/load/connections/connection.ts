/**
 * A client connection: one request at a time over a plain socket.
 *
 * Hot path: all sockets of the process read into one shared buffer, so 10,000 of them need no buffers of their own.
 */
import { connect, type Socket } from 'node:net'
import { HttpReader, type ResponseListener } from './http-reader.ts'

/** Why a response was cut short. */
export type LossKind = 'connect' | 'reset' | 'truncated' | 'malformed'

export interface ResponseHandler extends ResponseListener {
  /** Called instead of `onEnd`, as the last call. */
  onLost(kind: LossKind, detail: string): void
}

export interface Target {
  readonly host: string
  readonly port: number
  /** Local address to connect from; undefined leaves the choice to the kernel. */
  readonly localAddress: string | undefined
}

const SHARED = Buffer.allocUnsafeSlow(64 * 1024)

export class LoadConnection implements ResponseListener {
  readonly #socket: Socket
  /** Shared by all responses of the connection: an object per request would be garbage to collect. */
  readonly #reader = new HttpReader(this)
  #handler: ResponseHandler | undefined
  #hasHead = false
  #isConnected = false
  #isClosed = false
  /** When the last response ended, in milliseconds of `performance.now()`. */
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

  /** Whether another request may be sent on this connection. */
  get isReusable(): boolean {
    return !this.#isClosed && this.#reader.isDone && this.#reader.isKeptAlive
  }

  /** May be called before the socket is connected. `isAscii`: every character is ASCII, which is cheaper to encode. */
  send(request: string, isAscii: boolean, handler: ResponseHandler): void {
    this.#handler = handler
    this.#hasHead = false
    this.#reader.begin()
    this.#socket.write(request, isAscii ? 'latin1' : 'utf8')
  }

  /** Called by the reader, as are `onData` and `onEnd`. */
  onHead(status: number, headers: ReadonlyMap<string, string>): void {
    this.#hasHead = true
    this.#handler?.onHead(status, headers)
  }

  onData(bytes: Buffer): void {
    this.#handler?.onData(bytes)
  }

  onEnd(): void {
    const handler = this.#handler
    this.#handler = undefined
    handler?.onEnd()
  }

  /** Simulates a slow client: reads nothing for `ms`. */
  pauseFor(ms: number): void {
    if (this.#isClosed) return
    this.#socket.pause()
    setTimeout(() => this.#socket.resume(), ms).unref()
  }

  /** Closes the connection; the handler is not called again. */
  destroy(): void {
    this.#handler = undefined
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
    if (this.#handler === undefined || this.#reader.close()) return
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
    const handler = this.#handler
    this.destroy()
    handler?.onLost(kind, detail)
  }
}
