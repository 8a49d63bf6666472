/**
 * One connection to an engine: an undici client with a single socket, which it reopens after the engine has closed it.
 * Carries one request at a time. Undici's timeouts are off, except the connect timeout; the data path has its own.
 */
import type { Socket } from 'node:net'
import { newNode } from '../../src/core/age-list.ts'
import { type BodyHandler, connectLean, type HeadHandler, type LeanSocket } from './lean-socket.ts'
import { bodyLength } from './request-body.ts'
import type { UpstreamRequestOptions } from './types.ts'
import { buildConnector, Client } from './undici.ts'

type DispatchHandler = Parameters<Client['dispatch']>[1]

export interface ConnectionOptions {
  readonly connectMs: number
  readonly keepAliveMs: number
  /** Maximum size of a response head in bytes. */
  readonly headerBytes: number
}

export class Connection {
  /** Position in the pool's list of idle connections. */
  readonly node = newNode<Connection>()
  /** On the clock of `performance.now()`. */
  readonly openedMs = performance.now()
  readonly #client: Client
  #socket: Socket | undefined
  /** The socket, if the engine is reached by plain HTTP. */
  #lean: LeanSocket | undefined
  /** Whether the current socket has carried a request. */
  wasUsed = false
  isDestroyed = false

  /** `onClosed` is called when the socket has been closed by either side. */
  constructor(origin: URL, options: ConnectionOptions, onClosed: (connection: Connection) => void) {
    let connectTls: ReturnType<typeof buildConnector> | undefined
    this.#client = new Client(origin, {
      pipelining: 1,
      keepAliveTimeout: options.keepAliveMs,
      // An engine's Keep-Alive header may shorten the idle time, but never extend it.
      keepAliveMaxTimeout: options.keepAliveMs,
      headersTimeout: 0,
      bodyTimeout: 0,
      maxHeaderSize: options.headerBytes,
      connect: (target, callback) => {
        this.wasUsed = false
        if (target.protocol === 'http:') {
          this.#lean = connectLean(target, options.connectMs, callback)
          this.#socket = this.#lean
          return
        }
        // Created on demand, because it keeps a session cache and a FinalizationRegistry.
        connectTls ??= buildConnector({ timeout: options.connectMs })
        // The connector returns the socket while it is still connecting; undici's types do not say so.
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
        this.#socket = connectTls(target, callback) as unknown as Socket | undefined
      },
    })
    this.#client.on('disconnect', () => onClosed(this))
  }

  /** Address of the engine; `undefined` while no socket is connected. */
  get remoteAddress(): string | undefined {
    return this.#socket?.remoteAddress
  }

  dispatch(request: UpstreamRequestOptions, handler: DispatchHandler): void {
    const { method, path, headers, body } = request
    const isOnePiece = body === undefined || body instanceof Uint8Array
    // Undici knows the length of one piece only.
    const all = isOnePiece ? headers : [...headers, 'content-length', String(bodyLength(body))]
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- undici only reads the list, its type says mutable
    const flat = all as string[]
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- undici takes iterables, which its type leaves out
    const content = (body ?? null) as Uint8Array | null
    this.#client.dispatch({ method, path, headers: flat, body: content }, handler)
  }

  // The four methods below report the progress of a request to the socket; the protocol is in `lean-socket.ts`.

  expectHead(handler: HeadHandler): void {
    this.#lean?.expectHead(handler)
  }

  expectBody(handler: BodyHandler | undefined): void {
    this.#lean?.expectBody(handler)
  }

  noteParsedData(data: Buffer): void {
    this.#lean?.noteParsedData(data)
  }

  resumeReading(): void {
    this.#lean?.resumeReading()
  }

  /** Closes the socket immediately, even if a request is using it. */
  destroy(): void {
    if (this.isDestroyed) return
    this.isDestroyed = true
    this.#socket?.destroy()
    this.#client.destroy().catch(() => undefined)
  }
}
