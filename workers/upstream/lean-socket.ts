/**
 * A TCP socket without the cost of a readable stream: all sockets of a thread read into one buffer.
 *
 * Undici takes a read by `read()` when it hears `readable`, and gives back by `unshift()` what it has not parsed when
 * it is paused. Bytes that are not taken within the turn are copied out, and reading stops until they are taken. So at
 * most one socket uses the buffer at any time, and end and reset are never heard before the bytes that came first.
 * Whoever is given body bytes must copy what it keeps within the call.
 */
import { connect, type Socket } from 'node:net'
import { type ConnectorCallback, type ConnectorOptions, errors } from './undici.ts'

/** What a read goes into. Never held across turns. */
const SHARED = Buffer.allocUnsafeSlow(64 * 1024)

export class LeanSocket {
  readonly socket: Socket
  /** Until the head is complete undici keeps views of its parts, so they must not lie in the shared buffer. */
  isInBody = false
  #unread: Buffer | undefined
  #isStopped = false
  readonly #readStream: (size: number) => unknown

  constructor(host: string, port: number) {
    this.socket = connect({
      host,
      port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 60_000,
      onread: { buffer: SHARED, callback: byteCount => this.#receive(byteCount) },
    })
    this.#readStream = this.socket.read.bind(this.socket)
    this.socket.read = size => this.#read(size)
    this.socket.unshift = bytes => {
      this.#unread = bytes
    }
  }

  /** `false` makes node stop reading. */
  #receive(byteCount: number): boolean {
    const bytes = SHARED.subarray(0, byteCount)
    this.#unread = this.isInBody ? bytes : Buffer.from(bytes)
    this.socket.emit('readable')
    if (this.#unread === undefined) return true
    this.#unread = Buffer.from(this.#unread)
    this.#isStopped = true
    return false
  }

  /** Size 0 is how node starts to read and ends the stream. */
  #read(size: number | undefined): unknown {
    if (this.#unread !== undefined) return size === 0 ? null : this.#take(this.#unread)
    if (size !== 0 && !this.#isStopped) return null
    this.#isStopped = false
    this.#readStream(0)
    return null
  }

  #take(bytes: Buffer): Buffer {
    this.#unread = undefined
    return bytes
  }
}

/** For http: only. The connector's timeout is this one's to keep. */
export function connectLean(
  { hostname, port }: ConnectorOptions,
  timeoutMs: number,
  callback: ConnectorCallback,
): LeanSocket {
  const lean = new LeanSocket(hostname, Number(port === '' ? 80 : port))
  const { socket } = lean
  let isSettled = false
  const timer = setTimeout(() => {
    socket.destroy(new errors.ConnectTimeoutError(`no connection to ${hostname}:${port} in ${timeoutMs} ms`))
  }, timeoutMs)
  socket.once('close', () => clearTimeout(timer))
  socket.once('connect', () => {
    clearTimeout(timer)
    isSettled = true
    callback(null, socket)
  })
  socket.on('error', error => {
    if (!isSettled) callback(error, null)
    isSettled = true
  })
  return lean
}
