/**
 * Sends rows in batches over a port, in either direction: one message per loop turn, earlier if a batch grows large.
 *
 * Encoding and decoding are in `codec.ts`; the two ends interpret the rows.
 */
import { type Batch, BatchWriter } from './codec.ts'
import type { FlatHeaders, OpenMessage, RowWriter, WholeResponse } from './types.ts'

/** The part of a MessagePort that is used. */
export interface BatchPort {
  postMessage(batch: Batch, transferList: readonly ArrayBuffer[]): void
}

/** The front end's connection to one router thread. A thread that is replaced gets a new channel. */
export interface ThreadChannel {
  readonly thread: number
  readonly sender: BatchSender
  /** Exchanges assigned to the thread that have not ended. Written by the front end only. */
  openExchanges: number
}

const FLUSH_BYTES = 256 * 1024

/** Every method copies its arguments like `BatchWriter`, so the caller may reuse its buffers right after the call. */
export class BatchSender implements RowWriter {
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

  data(id: number, bytes: Uint8Array): void {
    this.#writer.data(id, bytes)
    this.#schedule()
  }

  end(id: number): void {
    this.#writer.end(id)
    this.#schedule()
  }

  broken(id: number, lastEvent: Uint8Array): void {
    this.#writer.broken(id, lastEvent)
    this.#schedule()
  }

  response(id: number, response: WholeResponse): void {
    this.#writer.response(id, response)
    this.#schedule()
  }

  /** Sends the collected rows now. Does nothing if there are none. */
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

/** Shared memory cannot be transferred; both threads keep it. */
function ownBuffers(parts: readonly Uint8Array[]): ArrayBuffer[] {
  return parts.map(part => part.buffer).filter(buffer => buffer instanceof ArrayBuffer)
}
