/**
 * An HTTP/1.1 listener that behaves like uvicorn: request heads of up to 16 KiB, bodies without a limit, and idle
 * connections closed after five seconds without notice. It knows no routes.
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
  /** Headers of every response, such as `server`. */
  readonly headers: () => Readonly<Record<string, string>>
  /** Whether connections are accepted but never served. */
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

  /** Number of open connections. */
  get sockets(): number {
    return this.#sockets.size
  }

  get isOpen(): boolean {
    return this.#server !== undefined
  }

  /** Starts to listen. Port 0 takes a free port, and the same one at each later call. @throws if the port is in use. */
  async open(port: number): Promise<void> {
    const server = createServer({ maxHeaderSize: MAX_HEAD_BYTES, noDelay: true }, (message, response) =>
      this.#read(message, response),
    )
    server.headersTimeout = 0
    server.requestTimeout = 0
    server.keepAliveTimeout = this.#options.keepAliveMs()
    // Node waits a second longer for slow clients; uvicorn does not.
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

  /** Stops listening and closes idle connections. Resolves when the other ones have ended too. */
  async closed(): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    await new Promise<void>(resolve => server.close(() => resolve()))
  }

  /** Stops listening and resets all connections. */
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
    // A reset by the peer is an error too. Requests are notified by the close event of their response.
    socket.on('error', () => socket.destroy())
    if (this.#options.isBlackhole()) socket.pause()
  }

  #read(message: IncomingMessage, response: ServerResponse): void {
    if (this.#options.isBlackhole()) return
    // Set for each request, because a fault script may change it.
    if (this.#server !== undefined) this.#server.keepAliveTimeout = this.#options.keepAliveMs()
    const parts: Buffer[] = []
    message.on('data', (part: Buffer) => parts.push(part))
    message.on('end', () => {
      for (const [name, value] of Object.entries(this.#options.headers())) response.setHeader(name, value)
      const url = message.url ?? '/'
      const queryStart = url.indexOf('?')
      this.#options.handle({
        method: message.method ?? 'GET',
        path: queryStart < 0 ? url : url.slice(0, queryStart),
        query: new URLSearchParams(queryStart < 0 ? '' : url.slice(queryStart + 1)),
        message,
        response,
        body: parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts),
      })
    })
  }
}
