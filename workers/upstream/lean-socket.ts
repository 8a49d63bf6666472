/**
 * A TCP socket without the cost of a readable stream: all sockets of a thread read into one buffer.
 *
 * Between two chunks of a chunked body undici's parser is in the same state before a whole chunk as after it. So
 * whole chunks go to the leg past the parser, which gets the rest: heads, parts, the last chunk.
 *
 * Undici takes a read by `read()` when it hears `readable`, and gives back by `unshift()` what it has not parsed when
 * it is paused. Bytes that are not taken within the turn are copied out, and reading stops until they are taken. So at
 * most one socket uses the buffer at any time, and end and reset are never heard before the bytes that came first.
 * Whoever is given body bytes must copy what it keeps within the call.
 */
import { Socket } from 'node:net'
import { type Boundary, boundaryAfter, ChunkCursor } from './chunk-cursor.ts'
import { type ConnectorCallback, type ConnectorOptions, errors } from './undici.ts'

/** What a read goes into. Never held across turns. */
const SHARED = Buffer.allocUnsafeSlow(64 * 1024)

const CURSOR = new ChunkCursor()

/** Whoever is sent a chunked body. */
export interface BodySink {
  /** Takes no more for now. */
  readonly isPaused: boolean
  /** Valid during the call only. */
  onBodyData(data: Buffer): void
}

export class LeanSocket extends Socket {
  /** Until the head is complete undici keeps views of its parts, so they must not lie in the shared buffer. */
  #isInBody = false
  /** While a chunked body comes. */
  #sink: BodySink | undefined
  /** What the parser has found last in what it was given. */
  #data: Buffer | undefined
  /** Where the parser stands. */
  #boundary: Boundary = 'elsewhere'
  #unread: Buffer | undefined
  #isStopped = false

  constructor() {
    super({
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 60_000,
      onread: { buffer: SHARED, callback: byteCount => this.#receive(byteCount) },
    })
  }

  /** Size 0 is how node starts to read and ends the stream. */
  override read(size?: number): unknown {
    if (this.#unread !== undefined) return size === 0 ? null : this.#take(this.#unread)
    if (size !== 0 && !this.#isStopped) return null
    this.#isStopped = false
    super.read(0)
    return null
  }

  override unshift(bytes: Buffer): void {
    this.#unread = bytes
  }

  /** A response's head comes next. */
  expectHead(): void {
    this.#isInBody = false
    this.#sink = undefined
    this.#data = undefined
  }

  /** All that comes now is a body: chunks for `sink`, or another kind when there is none. */
  expectBody(sink: BodySink | undefined): void {
    this.#isInBody = true
    this.#sink = sink
  }

  /** The parser has found these bytes of a body in what it was given. */
  sawData(data: Buffer): void {
    if (this.#sink !== undefined) this.#data = data
  }

  /** The sink takes again. */
  goOn(): void {
    if (this.#isStopped) this.emit('readable')
  }

  /** `false` makes node stop reading. */
  #receive(byteCount: number): boolean {
    const given = this.#sink === undefined ? 0 : this.#giveChunks(this.#sink, byteCount)
    if (given < byteCount && !this.destroyed) this.#feed(SHARED.subarray(given, byteCount))
    if (this.#unread === undefined && this.#sink?.isPaused !== true) return true
    if (this.#unread !== undefined) this.#unread = Buffer.from(this.#unread)
    this.#isStopped = true
    return false
  }

  /** Their data as one piece, joined in place. Returns where the rest starts: what is not a whole chunk. */
  #giveChunks(sink: BodySink, byteCount: number): number {
    let at = 0
    let from = 0
    let to = 0
    while (CURSOR.find(SHARED, at, byteCount, this.#boundary)) {
      if (at === 0) from = to = CURSOR.from
      if (to < CURSOR.from) SHARED.copyWithin(to, CURSOR.from, CURSOR.to)
      to += CURSOR.to - CURSOR.from
      at = CURSOR.next
    }
    if (to > from) this.#give(sink, SHARED.subarray(from, to))
    return at
  }

  /** What a sink throws ends its request, as it does behind undici. */
  #give(sink: BodySink, data: Buffer): void {
    try {
      sink.onBodyData(data)
    } catch (error) {
      this.destroy(error instanceof Error ? error : new Error(String(error)))
    }
  }

  #feed(bytes: Buffer): void {
    const fed = this.#isInBody ? bytes : Buffer.from(bytes)
    this.#unread = fed
    this.#data = undefined
    if (this.#sink?.isPaused !== true) this.emit('readable')
    this.#boundary = this.#unread === undefined ? this.#boundaryIn(fed) : 'elsewhere'
  }

  #boundaryIn(fed: Buffer): Boundary {
    const data = this.#data
    if (data === undefined || this.#sink === undefined) return 'elsewhere'
    const from = data.byteOffset - fed.byteOffset
    return boundaryAfter(fed, from, from + data.length)
  }

  #take(bytes: Buffer): Buffer {
    this.#unread = undefined
    return bytes
  }
}

/** For http: only. The connector's timeout is this one's to keep. What is needed until it is connected goes then. */
export function connectLean(
  { hostname, port }: ConnectorOptions,
  timeoutMs: number,
  callback: ConnectorCallback,
): LeanSocket {
  const socket = new LeanSocket()
  const timer = setTimeout(() => {
    socket.destroy(new errors.ConnectTimeoutError(`no connection to ${hostname}:${port} in ${timeoutMs} ms`))
  }, timeoutMs)
  const onConnect = () => {
    settle()
    callback(null, socket)
  }
  const onError = (error: Error) => {
    settle()
    callback(error, null)
  }
  const settle = () => {
    clearTimeout(timer)
    socket.off('connect', onConnect).off('error', onError).off('close', settle)
  }
  socket.on('connect', onConnect).on('error', onError).on('close', settle)
  return socket.connect({ host: hostname, port: Number(port === '' ? 80 : port) })
}
