/** An engine made of a bare TCP server, so that a test says which bytes come when, and a leg's handler that notes all. */
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
  /** Sockets ever closed: unlike an open one, which may come and go between two looks, they stay. */
  closedCount: number
}

export async function rawEngine(t: TestContext, answer: (request: RawRequest) => void): Promise<RawEngine> {
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
      answer(request)
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

function readRequests(socket: Socket, give: (request: RawRequest) => void): void {
  let held = Buffer.alloc(0)
  let ordinal = 0
  socket.on('data', bytes => {
    held = Buffer.concat([held, bytes])
    for (;;) {
      const headEnd = held.indexOf('\r\n\r\n')
      if (headEnd < 0) return
      const head = held.toString('latin1', 0, headEnd)
      const bodyBytes = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)
      if (held.length < headEnd + 4 + bodyBytes) return
      held = held.subarray(headEnd + 4 + bodyBytes)
      ordinal++
      give({ socket, path: head.split(' ')[1] ?? '', bodyBytes, ordinal })
    }
  })
}

/** A complete answer with a content-length. */
export function answerOf(body: string | Buffer, headers = ''): Buffer {
  const bytes = Buffer.from(body)
  return Buffer.concat([
    Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes.length}\r\n${headers}\r\n`),
    bytes,
  ])
}

export class NotedAnswer implements ResponseHandler {
  status = 0
  headers: FlatHeaders = []
  readonly parts: Buffer[] = []
  bytes = 0
  failure: TransportError | undefined
  /** Calls of `onEnd` and `onFail`: more than one is a fault. */
  ends = 0
  readonly #over = Promise.withResolvers<void>()
  readonly #more: Partial<ResponseHandler>

  constructor(more: Partial<ResponseHandler> = {}) {
    this.#more = more
  }

  /** Settles at `onEnd` or `onFail`. */
  get over(): Promise<void> {
    return this.#over.promise
  }

  get text(): string {
    return Buffer.concat(this.parts).toString()
  }

  onHead(status: number, headers: FlatHeaders): void {
    this.status = status
    this.headers = headers
    this.#more.onHead?.(status, headers)
  }

  onData(bytes: Uint8Array): void {
    this.parts.push(Buffer.from(bytes))
    this.bytes += bytes.length
    this.#more.onData?.(bytes)
  }

  onEnd(): void {
    this.#end()
    this.#more.onEnd?.()
  }

  onError(failure: TransportError): void {
    this.failure = failure
    this.#end()
    this.#more.onError?.(failure)
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
}

export function connectionsTo(t: TestContext, url: string, options: ConnectOptions = {}): EnginePool {
  const { limits } = configSchema.parse({})
  const connections = new EnginePool(url, {
    connectMs: 5_000,
    keepAliveMs: 60_000,
    headerBytes: limits.headerBytes,
    ...options,
    budget: new SocketBudget(options.maxSockets ?? 100),
  })
  t.after(() => connections.destroy())
  return connections
}

export function post(path = '/generate', more: Partial<UpstreamRequestOptions> = {}): UpstreamRequestOptions {
  return {
    method: 'POST',
    path,
    headers: ['content-type', 'application/json'],
    body: Buffer.from('{}'),
    ...more,
  }
}

/** Sends and waits for the end. */
export async function ask(connections: EnginePool, request = post()): Promise<NotedAnswer> {
  const noted = new NotedAnswer()
  connections.send(request, noted)
  await noted.over
  return noted
}
