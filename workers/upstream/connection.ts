/**
 * One connection to an engine: an undici client with one socket, which it opens anew when the engine has closed it.
 * Carries one leg at a time. Timers of undici are off; the data path has its own.
 */
import type { Socket } from 'node:net'
import { newNode } from '../../src/core/age-list.ts'
import { type BodySink, connectLean, type LeanSocket } from './lean-socket.ts'
import type { UpstreamRequestOptions } from './types.ts'
import { buildConnector, Client } from './undici.ts'

/** What undici calls while a connection carries a request. */
type DispatchHandler = Parameters<Client['dispatch']>[1]

export interface ConnectionOptions {
  readonly connectMs: number
  readonly keepAliveMs: number
  /** The largest response head that is read, in bytes. */
  readonly headerBytes: number
}

export class Connection {
  /** Among those of its engine that are idle. */
  readonly node = newNode<Connection>()
  readonly #client: Client
  #socket: Socket | undefined
  #lean: LeanSocket | undefined
  /** Whether the present socket has carried a request before. */
  wasUsed = false
  isDestroyed = false

  /** `onClosed`: the socket is closed, whoever did it. */
  constructor(origin: URL, options: ConnectionOptions, onClosed: (connection: Connection) => void) {
    let connectTls: ReturnType<typeof buildConnector> | undefined
    this.#client = new Client(origin, {
      pipelining: 1,
      keepAliveTimeout: options.keepAliveMs,
      // An engine's own Keep-Alive header may shorten the idle life, never lengthen it.
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
        // Only where it is needed: it keeps a cache of sessions, and a registry for the collector to look after.
        connectTls ??= buildConnector({ timeout: options.connectMs })
        // The types leave out that the connector gives the socket back while it is still connecting.
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
        this.#socket = connectTls(target, callback) as unknown as Socket | undefined
      },
    })
    this.#client.on('disconnect', () => onClosed(this))
  }

  dispatch(request: UpstreamRequestOptions, handler: DispatchHandler): void {
    const { method, path, headers, body } = request
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- undici reads the flat list, its type says mutable
    const flat = headers as string[]
    this.#client.dispatch({ method, path, headers: flat, body: body ?? null }, handler)
  }

  /** A response's head comes next. */
  expectHead(): void {
    this.#lean?.expectHead()
  }

  /** All that comes now is a response's body; `sink` is for chunked ones. */
  expectBody(sink: BodySink | undefined): void {
    this.#lean?.expectBody(sink)
  }

  /** Undici has found these bytes of a body. */
  sawData(data: Buffer): void {
    this.#lean?.sawData(data)
  }

  /** Undici has been resumed: what went past it goes on, too. */
  resume(): void {
    this.#lean?.goOn()
  }

  /** Closes the socket now, whatever is on it. */
  destroy(): void {
    if (this.isDestroyed) return
    this.isDestroyed = true
    this.#socket?.destroy()
    this.#client.destroy().catch(() => undefined)
  }
}
