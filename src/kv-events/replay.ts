/**
 * Asks an engine to send its latest batches again, from a number on, over a connection of its own.
 *
 * The engine sends one message per batch that it has kept and at last one with the number -1. Before the number come an
 * empty frame and the topic (vLLM 0.32, SGLang 0.5.23), or the empty frame alone (older versions).
 */
import { ZmtpSocket } from './zmtp-socket.ts'

export interface ReplayOptions {
  readonly endpoint: string
  /** Number of the first batch that is wanted, 0 or more. */
  readonly from: number
  readonly maxMessageBytes: number
  readonly connectTimeoutMs: number
  /** Of the whole replay. */
  readonly replayTimeoutMs: number
  readonly onBatch: (number: number, payload: Buffer) => void
  /** Called once, but not after `close`. `isWhole`: the engine has sent all that it has. */
  readonly onEnd: (isWhole: boolean) => void
}

const NUMBER_BYTES = 8
const END = -1n
const NO_BYTES = Buffer.alloc(0)

export class Replay {
  readonly #options: ReplayOptions
  readonly #socket: ZmtpSocket
  readonly #timer: NodeJS.Timeout
  #isOpen = true

  constructor(options: ReplayOptions) {
    this.#options = options
    this.#timer = setTimeout(() => this.#end(false), options.replayTimeoutMs)
    this.#socket = new ZmtpSocket({
      ...options,
      type: 'DEALER',
      onReady: () => this.#ask(),
      onMessage: frames => this.#onMessage(frames),
      onLost: () => this.#end(false),
    })
  }

  close(): void {
    this.#isOpen = false
    clearTimeout(this.#timer)
    this.#socket.close()
  }

  #ask(): void {
    const from = Buffer.alloc(NUMBER_BYTES)
    from.writeBigUInt64BE(BigInt(this.#options.from))
    // The empty frame is the delimiter that a REQ socket would send.
    this.#socket.send([NO_BYTES, from])
  }

  #onMessage(frames: readonly Buffer[]): void {
    if (!this.#isOpen) return
    const [numberBytes, payload] = frames.slice(-2)
    if (numberBytes?.length !== NUMBER_BYTES || payload === undefined) return
    if (numberBytes.readBigInt64BE() === END) this.#end(true)
    else this.#options.onBatch(Number(numberBytes.readBigUInt64BE()), payload)
  }

  #end(isWhole: boolean): void {
    if (!this.#isOpen) return
    this.close()
    this.#options.onEnd(isWhole)
  }
}
