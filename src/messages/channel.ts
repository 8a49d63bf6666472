/**
 * Sends rows in batches over a port: one message a loop turn, and at once above a size. Either direction.
 *
 * Decoding is `codec.ts`; what the rows mean is for the two ends.
 */
import { type Batch, BatchWriter, type WholeResponse } from './codec.ts'
import type { FlatHeaders, OpenMessage } from './types.ts'

/** What is used of a MessagePort. */
export interface BatchPort {
  postMessage(batch: Batch, transferList: readonly ArrayBuffer[]): void
}

/** The way to one router thread, as the front end sees it. A replaced thread has a new one. */
export interface ThreadChannel {
  readonly thread: number
  readonly sender: BatchSender
  /** Exchanges given to the thread and not ended. Written by the front end alone. */
  openExchanges: number
}

const FLUSH_BYTES = 256 * 1024

/** Every method copies what it is given (but see `BatchWriter`), so the caller may reuse its buffers at once. */
export class BatchSender {
  readonly #port: BatchPort
  readonly #flushBytes: number
  readonly #writer = new BatchWriter()
  #timer: NodeJS.Immediate | undefined

  constructor(port: BatchPort, flushBytes = FLUSH_BYTES) {
    this.#port = port
    this.#flushBytes = flushBytes
  }

  open(message: OpenMessage): void {
    this.#writer.open(message)
    this.#schedule()
  }

  abort(id: number): void {
    this.#writer.abort(id)
    this.#schedule()
  }

  credit(id: number, bytes: number): void {
    this.#writer.credit(id, bytes)
    this.#schedule()
  }

  head(id: number, status: number, headers: FlatHeaders): void {
    this.#writer.head(id, status, headers)
    this.#schedule()
  }

  chunk(id: number, bytes: Uint8Array): void {
    this.#writer.chunk(id, bytes)
    this.#schedule()
  }

  end(id: number): void {
    this.#writer.end(id)
    this.#schedule()
  }

  response(id: number, response: WholeResponse): void {
    this.#writer.answer(id, response)
    this.#schedule()
  }

  /** Sends what there is now; nothing when there is nothing. */
  readonly flush = (): void => {
    clearImmediate(this.#timer)
    this.#timer = undefined
    if (this.#writer.length === 0) return
    const batch = this.#writer.take()
    this.#port.postMessage(batch, batch instanceof Uint8Array ? [batch.buffer] : ownBuffers(batch))
  }

  #schedule(): void {
    if (this.#writer.length >= this.#flushBytes) this.flush()
    else this.#timer ??= setImmediate(this.flush)
  }
}

/** Shared memory is not handed over: both sides keep it. */
function ownBuffers(parts: readonly Uint8Array[]): ArrayBuffer[] {
  return parts.map(part => part.buffer).filter(buffer => buffer instanceof ArrayBuffer)
}
