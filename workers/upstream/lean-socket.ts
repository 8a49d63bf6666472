/**
 * A TCP socket for undici without the cost of a readable stream. All sockets of a thread read into one buffer, and whole
 * chunks of a chunked response go to the request directly, past undici's parser.
 *
 * The bypass is possible because the parser is in the same state before and after a whole chunk: it need not see it.
 * Heads, incomplete chunks and the last chunk still go through the parser. This saves 12% CPU per chunk of a stream with
 * a chunk every 20 ms.
 *
 * Protocol. `UpstreamRequest` is undici's handler and reports each step through its `Connection`:
 *
 *   undici calls              socket method        effect
 *   onConnect                 expectHead(handler)  the parser gets whole heads (`response-head.ts`) and copies, since it
 *                                                  keeps views of header bytes
 *   onHeaders, status >= 200  expectBody(handler)  the parser gets views of the shared buffer; `handler` is set only for
 *                                                  chunked bodies and enables the bypass
 *   onData                    noteParsedData(data) the end of `data` shows where the parser is: `boundaryAfter`
 *   (after undici's resume)   resumeReading()      reading continues
 *
 * Each read, in `#receive`: whole chunks, if the parser is known to be between two chunks, go to `handler.onBodyData`;
 * the rest is offered to undici by `readable`, which takes it with `read()`. Undici returns what it has not parsed by
 * `unshift()` when it is paused. Bytes not taken within the call are copied out of the shared buffer, and reading stops
 * until they are taken. Hence at most one socket uses the buffer at any time, and `end` or a reset is reported only after
 * the bytes that preceded it.
 *
 * Body bytes are valid during the call only; a receiver must copy what it keeps.
 *
 * Relies on Node 24: `onread` reads into a given buffer, and reading stops if its callback returns `false`; `read(0)`
 * starts reading after the connect and after such a stop, and delivers the end of the stream. Relies on undici 7
 * (`lib/dispatcher/client-h1.js`): it only uses `read()`, `unshift()` and the events `readable`, `end`, `error` and
 * `close` to receive; `onData` gets a view of the bytes that `read()` returned; the parser must not be resumed from one
 * of its own callbacks.
 *
 * After an upgrade of either, `test/integration/upstream/lean-socket.test.ts` and `chunked-bodies.test.ts` must pass; the
 * test 'delivers the chunks of one read as one piece' fails if the bypass is no longer taken.
 */
import { Socket } from 'node:net'
import { type Boundary, boundaryAfter, ChunkCursor } from './chunk-cursor.ts'
import { ResponseHead } from './response-head.ts'
import { type ConnectorCallback, type ConnectorOptions, errors } from './undici.ts'

/** Receives each read of every socket of the thread. Its content is valid until the end of the read callback. */
const SHARED = Buffer.allocUnsafeSlow(64 * 1024)

const CURSOR = new ChunkCursor()

/** Awaits a response. */
export interface HeadHandler {
  /** The first byte of the response has arrived. May be called more than once. */
  onResponseStarted(): void
}

/** Receives the data of a chunked body that bypasses the parser. */
export interface BodyHandler {
  readonly isPaused: boolean
  /** `data` is valid during the call only. */
  onBodyData(data: Buffer): void
}

export class LeanSocket extends Socket {
  /** Set until the first bytes of the awaited head have arrived. */
  #headHandler: HeadHandler | undefined
  readonly #head = new ResponseHead()
  #isInBody = false
  /** Set while a chunked body is received. */
  #handler: BodyHandler | undefined
  /** The last data that the parser reported from the bytes it was fed. */
  #parsedData: Buffer | undefined
  #boundary: Boundary = 'unknown'
  /** Bytes that undici has not taken. Copied out of the shared buffer at the end of the read. */
  #unread: Buffer | undefined
  #isReadingStopped = false

  constructor() {
    super({
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 60_000,
      onread: { buffer: SHARED, callback: byteCount => this.#receive(byteCount) },
    })
    // Before undici's listener, so that its parser has seen what there is of a head when the connection ends.
    this.on('end', () => {
      const rest = this.#head.takeRest()
      if (rest !== undefined) this.#feedParser(rest)
    })
  }

  /** Undici calls it without a size to take bytes; Node calls `read(0)` to start reading and to end the stream. */
  override read(size?: number): unknown {
    if (this.#unread !== undefined) return size === 0 ? null : this.#takeUnread(this.#unread)
    if (size !== 0 && !this.#isReadingStopped) return null
    this.#isReadingStopped = false
    super.read(0)
    return null
  }

  override unshift(bytes: Buffer): void {
    this.#unread = bytes
  }

  /** Undici calls both for each request. The port keeps the thread alive, not its sockets, so they do nothing. */
  override ref(): this {
    return this
  }

  override unref(): this {
    return this
  }

  /** The next bytes are the head of a response. */
  expectHead(handler: HeadHandler): void {
    this.#headHandler = handler
    this.#head.reset()
    this.#isInBody = false
    this.#handler = undefined
    this.#parsedData = undefined
  }

  /** The next bytes are a body. `handler` is defined if the body is chunked. */
  expectBody(handler: BodyHandler | undefined): void {
    this.#isInBody = true
    this.#handler = handler
  }

  /** The parser has reported `data`, a view of the bytes that it was fed. */
  noteParsedData(data: Buffer): void {
    if (this.#handler !== undefined) this.#parsedData = data
  }

  /** Reading continues if it was stopped. Undici must have been resumed before. */
  resumeReading(): void {
    if (this.#isReadingStopped) this.emit('readable')
  }

  /** Returning `false` makes Node stop reading. */
  #receive(byteCount: number): boolean {
    if (!this.#isInBody) return this.#receiveHead(SHARED.subarray(0, byteCount))
    const delivered = this.#handler === undefined ? 0 : this.#deliverChunks(this.#handler, byteCount)
    if (delivered < byteCount && !this.destroyed) this.#feedParser(SHARED.subarray(delivered, byteCount))
    return this.#mayContinue()
  }

  #receiveHead(bytes: Buffer): boolean {
    this.#headHandler?.onResponseStarted()
    this.#headHandler = undefined
    const head = this.#head.push(bytes)
    if (head !== undefined) this.#feedParser(head)
    return this.#mayContinue()
  }

  /** Whether Node may go on reading. */
  #mayContinue(): boolean {
    if (this.#unread === undefined && this.#handler?.isPaused !== true) return true
    if (this.#unread !== undefined) this.#unread = Buffer.from(this.#unread)
    this.#isReadingStopped = true
    return false
  }

  /**
   * Delivers the data of all whole chunks as one piece, joined in place. Returns where the rest starts, which is not a
   * whole chunk.
   */
  #deliverChunks(handler: BodyHandler, byteCount: number): number {
    let restStart = 0
    let start = 0
    let end = 0
    while (CURSOR.find(SHARED, restStart, byteCount, this.#boundary)) {
      if (restStart === 0) start = end = CURSOR.dataStart
      if (end < CURSOR.dataStart) SHARED.copyWithin(end, CURSOR.dataStart, CURSOR.dataEnd)
      end += CURSOR.dataEnd - CURSOR.dataStart
      restStart = CURSOR.pieceEnd
    }
    if (end > start) this.#deliver(handler, SHARED.subarray(start, end))
    return restStart
  }

  /** An exception of the handler ends its request, as one thrown in undici's `onData` does. */
  #deliver(handler: BodyHandler, data: Buffer): void {
    try {
      handler.onBodyData(data)
    } catch (error) {
      this.destroy(error instanceof Error ? error : new Error(String(error)))
    }
  }

  #feedParser(bytes: Buffer): void {
    this.#unread = bytes
    this.#parsedData = undefined
    if (this.#handler?.isPaused !== true) this.emit('readable')
    this.#boundary = this.#unread === undefined ? this.#boundaryAfter(bytes) : 'unknown'
  }

  #boundaryAfter(fed: Buffer): Boundary {
    const data = this.#parsedData
    if (data === undefined || this.#handler === undefined) return 'unknown'
    const start = data.byteOffset - fed.byteOffset
    return boundaryAfter(fed, start, start + data.length)
  }

  #takeUnread(bytes: Buffer): Buffer {
    this.#unread = undefined
    return bytes
  }
}

/** An undici connector for `http:`. Enforces the connect timeout; its timer and listeners are removed once connected. */
export function connectLean(
  { hostname, port }: ConnectorOptions,
  timeoutMs: number,
  callback: ConnectorCallback,
): LeanSocket {
  const socket = new LeanSocket()
  const timer = setTimeout(() => {
    const message = `no connection to ${hostname}:${port} within ${timeoutMs} ms`
    socket.destroy(new errors.ConnectTimeoutError(message))
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
