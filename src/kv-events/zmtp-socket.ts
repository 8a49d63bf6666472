/**
 * One connection to a ZeroMQ socket, as a subscriber or a dealer. It does not reconnect.
 *
 * Own code, because the binding of libzmq (zeromq.js 6.8.0) aborts the whole process when a thread that has open sockets
 * ends, and the control thread may end at any time.
 */
import { connect, type Socket } from 'node:net'
import { messageOf } from '../core/text/error-text.ts'
import { greeting, message, pong, ready, subscription, ZmtpReader } from './zmtp-frames.ts'

export interface ZmtpSocketOptions {
  /** `tcp://host:port`. */
  readonly endpoint: string
  readonly type: 'SUB' | 'DEALER'
  /** Of a subscriber: what it gets; an empty one is everything. */
  readonly topic?: string
  /** A larger message ends the connection. */
  readonly maxMessageBytes: number
  /** Until the peer has answered the greeting, in milliseconds. */
  readonly connectTimeoutMs: number
  readonly onReady: () => void
  readonly onMessage: (frames: readonly Buffer[]) => void
  /** Called once, also if there was never a connection, but not after `close`. */
  readonly onLost: (reason: string) => void
}

/** The kernel finds out by this whether the peer is still there, in milliseconds of silence. */
const KEEP_ALIVE_MS = 15_000
/** Of the body of a PING: the time for which the peer waits. */
const PING_TTL_BYTES = 2

export class ZmtpSocket {
  readonly #options: ZmtpSocketOptions
  readonly #socket: Socket
  readonly #reader: ZmtpReader
  readonly #timer: NodeJS.Timeout
  #isOpen = true

  constructor(options: ZmtpSocketOptions) {
    const { endpoint, maxMessageBytes, connectTimeoutMs } = options
    this.#options = options
    this.#reader = new ZmtpReader(maxMessageBytes)
    this.#timer = setTimeout(() => this.#fail(`no answer within ${connectTimeoutMs} ms`), connectTimeoutMs)
    this.#socket = connect({
      ...addressOf(endpoint),
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
    })
    this.#socket.on('connect', () => this.#socket.write(Buffer.concat([greeting(), ready(options.type)])))
    this.#socket.on('data', chunk => this.#onData(chunk))
    this.#socket.on('error', error => this.#fail(messageOf(error)))
    this.#socket.on('close', () => this.#fail('the engine has closed the connection'))
  }

  /** Only once the socket is ready. */
  send(frames: readonly Uint8Array[]): void {
    this.#socket.write(message(frames))
  }

  close(): void {
    this.#isOpen = false
    clearTimeout(this.#timer)
    this.#socket.destroy()
  }

  #onData(chunk: Buffer): void {
    if (!this.#isOpen) return
    try {
      for (const item of this.#reader.push(chunk)) {
        if (!this.#isOpen) return
        if (item.kind === 'message') this.#options.onMessage(item.frames)
        else this.#onCommand(item.name, item.body)
      }
    } catch (error) {
      this.#fail(messageOf(error))
    }
  }

  #onCommand(name: string, body: Buffer): void {
    if (name === 'PING') this.#socket.write(pong(body.subarray(PING_TTL_BYTES)))
    else if (name === 'READY') this.#onReady()
    else if (name === 'ERROR') this.#fail(`it refuses the connection: ${body.toString('latin1', 1)}`)
  }

  #onReady(): void {
    clearTimeout(this.#timer)
    const { type, topic = '' } = this.#options
    if (type === 'SUB') this.#socket.write(subscription(topic))
    this.#options.onReady()
  }

  #fail(reason: string): void {
    if (!this.#isOpen) return
    this.close()
    this.#options.onLost(reason)
  }
}

function addressOf(endpoint: string): { readonly host: string; readonly port: number } {
  const { hostname, port } = new URL(endpoint)
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) }
}
