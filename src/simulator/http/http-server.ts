/**
 * A listener that behaves as uvicorn does: HTTP/1.1, heads of 16 KiB, no limit on bodies, idle connections
 * closed after five seconds without having said so. Knows no routes.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { resetSocket } from './reset-socket.ts'

export interface IncomingRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly message: IncomingMessage
  readonly response: ServerResponse
  readonly body: Buffer
}

interface ListenerOptions {
  readonly host: string
  readonly keepAliveMs: () => number
  /** Connections are taken and never served. */
  readonly isBlackhole: () => boolean
  readonly handle: (request: IncomingRequest) => void
}

const MAX_HEAD_BYTES = 16 * 1024
const BACKLOG = 2048

export class HttpListener {
  readonly #options: ListenerOptions
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined
  #port = 0

  constructor(options: ListenerOptions) {
    this.#options = options
  }

  get port(): number {
    return this.#port
  }

  /** Connections that are open. */
  get sockets(): number {
    return this.#sockets.size
  }

  get isOpen(): boolean {
    return this.#server !== undefined
  }

  /** Port 0: any free one, and the same one at each later call. */
  async open(port: number): Promise<void> {
    const server = createServer({ maxHeaderSize: MAX_HEAD_BYTES, noDelay: true }, (message, response) =>
      this.#read(message, response),
    )
    server.headersTimeout = 0
    server.requestTimeout = 0
    server.keepAliveTimeout = this.#options.keepAliveMs()
    // Node adds a second to be kind to slow clients; uvicorn does not.
    server.keepAliveTimeoutBuffer = 0
    server.on('connection', socket => this.#track(socket))
    server.on('clientError', (_error, socket) => {
      if (socket.writable)
        socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\nInvalid HTTP request received.')
    })
    this.#server = server
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(
        { port: port === 0 ? this.#port : port, host: this.#options.host, backlog: BACKLOG },
        resolve,
      )
    })
    const address = server.address()
    if (typeof address === 'object' && address !== null) this.#port = address.port
  }

  /** All connections are reset, nothing listens from now on. */
  async destroy(): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    const closed = new Promise<void>(resolve => server.close(() => resolve()))
    for (const socket of this.#sockets) resetSocket(socket)
    await closed
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    // A reset by the peer is told as an error too; the request's own close event is enough.
    socket.on('error', () => socket.destroy())
    if (this.#options.isBlackhole()) socket.pause()
  }

  #read(message: IncomingMessage, response: ServerResponse): void {
    if (this.#options.isBlackhole()) return
    // Read anew for each request: a fault script changes it while the engine runs.
    if (this.#server !== undefined) this.#server.keepAliveTimeout = this.#options.keepAliveMs()
    const parts: Buffer[] = []
    message.on('data', (part: Buffer) => parts.push(part))
    message.on('end', () => {
      const url = message.url ?? '/'
      const mark = url.indexOf('?')
      this.#options.handle({
        method: message.method ?? 'GET',
        path: mark < 0 ? url : url.slice(0, mark),
        query: new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1)),
        message,
        response,
        body: parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts),
      })
    })
  }
}
