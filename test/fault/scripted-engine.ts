/**
 * An engine made of a bare TCP server that sends what a script returns for each generation request, byte by byte. It
 * records when requests and aborts arrive, when a response has been sent and when a connection closes.
 *
 * Every response closes its connection, so that no request of the gateway is the second on a socket: a reset is then a
 * failure of the engine, not a stale keep-alive connection, which `keep-alive.test.ts` covers.
 */
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Leg } from '../../src/core/errors.ts'
import { resetSocket } from '../../src/simulator/http/reset-socket.ts'
import { listen } from '../support/listen.ts'

export interface ScriptedResponse {
  /**
   * Written one after the other, each in its own turn of the event loop. The gateway may still read several at once, so a
   * test that needs it to act on one before the next arrives puts a promise between them: it is waited for.
   */
  readonly pieces: readonly (string | Uint8Array | Promise<void>)[]
  /** `end`: the connection is closed after a complete or truncated response. `hang`: nothing follows. */
  readonly ending: 'end' | 'reset' | 'hang'
}

/** One generation request as the engine received it. Times are in milliseconds, on the clock of this process. */
export interface Call {
  /** The id of the matrix cell, from the client's `x-request-id`. */
  readonly cell: string
  readonly rid: string
  readonly room: number
  /** 1 for the first attempt of the cell on this engine. */
  readonly attempt: number
  readonly receivedAtMs: number
  /** When the last byte of the response, or the reset, was sent. */
  sentAtMs: number | undefined
  closedAtMs: number | undefined
}

export interface Script {
  respond(call: Call): ScriptedResponse | Promise<ScriptedResponse>
  /** Called when the whole response has been sent. */
  onSent?(call: Call): void
}

export interface ScriptedEngine {
  readonly url: string
  readonly calls: readonly Call[]
  /** When the first `/abort_request` arrived, by rid. */
  readonly aborts: ReadonlyMap<string, number>
  /** Refuses connections from now on, but keeps those that are open, as a process does that is being ended. */
  stopListening(): void
  close(): Promise<void>
}

export async function scriptedEngine(leg: Leg, model: string, script: Script): Promise<ScriptedEngine> {
  const engine = new Engine(leg, model, script)
  await engine.open()
  return engine
}

interface Request {
  readonly path: string
  readonly requestId: string
  readonly body: string
}

class Engine implements ScriptedEngine {
  readonly #leg: Leg
  readonly #model: string
  readonly #script: Script
  readonly #sockets = new Set<Socket>()
  readonly #server: Server
  #isClosed = false
  readonly calls: Call[] = []
  readonly aborts = new Map<string, number>()
  url = ''

  constructor(leg: Leg, model: string, script: Script) {
    this.#leg = leg
    this.#model = model
    this.#script = script
    this.#server = createServer({ noDelay: true }, socket => this.#serve(socket))
    this.#server.once('close', () => {
      this.#isClosed = true
    })
  }

  async open(): Promise<void> {
    this.url = `http://127.0.0.1:${await listen(this.#server)}`
  }

  stopListening(): void {
    this.#server.close()
  }

  async close(): Promise<void> {
    const closed = this.#isClosed ? undefined : once(this.#server, 'close')
    for (const socket of this.#sockets) socket.destroy()
    if (this.#server.listening) this.#server.close()
    await closed
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => undefined).on('close', () => this.#sockets.delete(socket))
    let held = Buffer.alloc(0)
    socket.on('data', bytes => {
      held = Buffer.concat([held, bytes])
      const request = readRequest(held)
      if (request === undefined) return
      held = Buffer.alloc(0)
      this.#respond(socket, request)
    })
  }

  #respond(socket: Socket, request: Request): void {
    switch (request.path) {
      case '/health':
        return void socket.end(bodyResponse(200, ''))
      case '/server_info':
        return void socket.end(bodyResponse(200, JSON.stringify({ disaggregation_mode: this.#leg })))
      case '/v1/models':
        return void socket.end(bodyResponse(200, JSON.stringify({ data: [{ id: this.#model }] })))
      case '/abort_request':
        this.#recordAbort(field(request.body, 'rid'))
        return void socket.end(bodyResponse(200, ''))
      case '/generate':
      case '/v1/chat/completions':
      case '/v1/completions':
      case '/v1/responses':
      case '/v1/messages':
        return void this.#generate(socket, request)
      default:
        return void socket.end(bodyResponse(404, ''))
    }
  }

  #recordAbort(rid: string): void {
    if (!this.aborts.has(rid)) this.aborts.set(rid, performance.now())
  }

  async #generate(socket: Socket, { requestId, body }: Request): Promise<void> {
    const call: Call = {
      cell: requestId,
      rid: field(body, 'rid'),
      room: Number(field(body, 'bootstrap_room')),
      attempt: this.calls.filter(({ cell }) => cell === requestId).length + 1,
      receivedAtMs: performance.now(),
      sentAtMs: undefined,
      closedAtMs: undefined,
    }
    this.calls.push(call)
    socket.once('close', () => {
      call.closedAtMs = performance.now()
    })
    const { pieces, ending } = await this.#script.respond(call)
    for (const piece of pieces) {
      if (socket.destroyed) return
      if (piece instanceof Promise) {
        await piece
        continue
      }
      // In sequence: each piece is a write of its own.
      await new Promise(resolve => socket.write(piece, resolve))
      await nextTurn()
    }
    call.sentAtMs = performance.now()
    this.#script.onSent?.(call)
    if (ending === 'end') socket.end()
    else if (ending === 'reset') resetSocket(socket)
  }
}

/** A response with a Content-Length. */
export function bodyResponse(
  status: number,
  body: string,
  headers = 'content-type: application/json',
): string {
  const length = Buffer.byteLength(body)
  return `HTTP/1.1 ${status} Scripted\r\nconnection: close\r\n${headers}\r\ncontent-length: ${length}\r\n\r\n${body}`
}

/** The head of a stream; chunks follow. */
export const STREAM_HEAD =
  'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n'
export const LAST_CHUNK = '0\r\n\r\n'

export function chunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
}

/** `undefined` while bytes are missing. */
function readRequest(bytes: Buffer): Request | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd < 0) return undefined
  const head = bytes.toString('latin1', 0, headEnd)
  const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0)
  if (bytes.length < headEnd + 4 + length) return undefined
  return {
    path: head.split(' ')[1] ?? '',
    requestId: /^x-request-id: *(.+)$/im.exec(head)?.[1]?.trim() ?? '',
    body: bytes.toString('utf8', headEnd + 4),
  }
}

function field(body: string, name: string): string {
  const parsed: unknown = JSON.parse(body)
  return typeof parsed === 'object' && parsed !== null ? String(Reflect.get(parsed, name)) : ''
}
