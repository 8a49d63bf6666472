/** An engine that is a bare TCP server, so that a test controls every byte, and a response handler that records all calls. */
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { configSchema } from '../../../src/config/config.ts'
import type { FlatHeaders } from '../../../src/messages/types.ts'
import { EnginePool } from '../../../workers/upstream/engine-pool.ts'
import { SocketBudget } from '../../../workers/upstream/socket-budget.ts'
import type {
  ResponseHandler,
  TransportError,
  UpstreamRequestOptions,
} from '../../../workers/upstream/types.ts'
import { listen } from '../../support/listen.ts'

export interface RawRequest {
  readonly socket: Socket
  readonly path: string
  readonly bodyBytes: number
  /** 1 for the first request of its socket. */
  readonly ordinal: number
}

export interface RawEngine {
  readonly url: string
  readonly requests: RawRequest[]
  readonly openSockets: ReadonlySet<Socket>
  /** Sockets ever accepted. */
  socketCount: number
  /** Sockets ever closed. Unlike an open socket, which may come and go between two polls, the count stays. */
  closedCount: number
}

export async function rawEngine(t: TestContext, respond: (request: RawRequest) => void): Promise<RawEngine> {
  const openSockets = new Set<Socket>()
  const server = createServer(socket => {
    engine.socketCount++
    openSockets.add(socket)
    socket
      .on('error', () => undefined)
      .on('close', () => {
        openSockets.delete(socket)
        engine.closedCount++
      })
    readRequests(socket, request => {
      engine.requests.push(request)
      respond(request)
    })
  })
  const port = await listen(server)
  const url = `http://127.0.0.1:${port}`
  const engine: RawEngine = { url, requests: [], openSockets, socketCount: 0, closedCount: 0 }
  t.after(async () => {
    for (const socket of openSockets) socket.destroy()
    server.close()
    await once(server, 'close')
  })
  return engine
}

function readRequests(socket: Socket, onRequest: (request: RawRequest) => void): void {
  let buffered = Buffer.alloc(0)
  let ordinal = 0
  socket.on('data', bytes => {
    buffered = Buffer.concat([buffered, bytes])
    for (;;) {
      const headEnd = buffered.indexOf('\r\n\r\n')
      if (headEnd < 0) return
      const head = buffered.toString('latin1', 0, headEnd)
      const bodyBytes = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)
      if (buffered.length < headEnd + 4 + bodyBytes) return
      buffered = buffered.subarray(headEnd + 4 + bodyBytes)
      ordinal++
      onRequest({ socket, path: head.split(' ')[1] ?? '', bodyBytes, ordinal })
    }
  })
}

/** A complete response with a content-length. */
export function responseOf(body: string | Buffer, headers = ''): Buffer {
  const bytes = Buffer.from(body)
  return Buffer.concat([
    Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes.length}\r\n${headers}\r\n`),
    bytes,
  ])
}

export class RecordedResponse implements ResponseHandler {
  status = 0
  headers: FlatHeaders = []
  readonly parts: Buffer[] = []
  bytes = 0
  failure: TransportError | undefined
  /** Calls of `onEnd` and `onError`; more than one is a bug. */
  ends = 0
  readonly #over = Promise.withResolvers<void>()
  readonly #next: Partial<ResponseHandler>

  constructor(next: Partial<ResponseHandler> = {}) {
    this.#next = next
  }

  /** Settles at `onEnd` or `onError`. */
  get over(): Promise<void> {
    return this.#over.promise
  }

  get text(): string {
    return Buffer.concat(this.parts).toString()
  }

  onHead(status: number, headers: FlatHeaders): void {
    this.status = status
    this.headers = headers
    this.#next.onHead?.(status, headers)
  }

  onData(bytes: Uint8Array): void {
    this.parts.push(Buffer.from(bytes))
    this.bytes += bytes.length
    this.#next.onData?.(bytes)
  }

  onEnd(): void {
    this.#end()
    this.#next.onEnd?.()
  }

  onError(failure: TransportError): void {
    this.failure = failure
    this.#end()
    this.#next.onError?.(failure)
  }

  #end(): void {
    this.ends++
    this.#over.resolve()
  }
}

export interface ConnectOptions {
  readonly maxSockets?: number
  readonly connectMs?: number
  readonly keepAliveMs?: number
  readonly maxAgeMs?: number
}

export function poolTo(t: TestContext, url: string, options: ConnectOptions = {}): EnginePool {
  const { limits } = configSchema.parse({})
  const pool = new EnginePool(url, {
    connectMs: 5_000,
    keepAliveMs: 60_000,
    maxAgeMs: 60_000,
    headerBytes: limits.headerBytes,
    ...options,
    budget: new SocketBudget(options.maxSockets ?? 100),
  })
  t.after(() => pool.destroy())
  return pool
}

export function post(
  path = '/generate',
  change: Partial<UpstreamRequestOptions> = {},
): UpstreamRequestOptions {
  return {
    method: 'POST',
    path,
    headers: ['content-type', 'application/json'],
    body: Buffer.from('{}'),
    ...change,
  }
}

/** Sends a request and waits for the end of its response. */
export async function ask(pool: EnginePool, request = post()): Promise<RecordedResponse> {
  const response = new RecordedResponse()
  pool.send(request, response)
  await response.over
  return response
}
