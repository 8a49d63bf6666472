/**
 * Clients that have not read all that was written for them. Disconnects those that read nothing for too long, and, when all
 * of them together hold too many bytes, those that have read nothing for longest.
 */
import type { NowMs } from '../../core/clock.ts'
import { StallDetector } from '../../core/stall-detector.ts'

export interface SlowReader {
  /** Bytes that are held for the client now. */
  readonly heldBytes: number
}

export interface SlowReadersOptions<Reader> {
  readonly stallMs: number
  /** Limit of the bytes held for all clients. */
  readonly limitBytes: number
  /** What a stream may come to hold before its progress is reported again. */
  readonly bytesPerStream: number
  /** Disconnects the client; `forget` follows. */
  readonly cut: (reader: Reader) => void
  readonly nowMs: NowMs
}

export class SlowReaders<Reader extends SlowReader> {
  readonly #options: SlowReadersOptions<Reader>
  readonly #stalls: StallDetector<Reader>
  /** Bytes that each client is counted with; the one without progress for longest first. */
  readonly #counted = new Map<Reader, number>()
  #heldBytes = 0

  constructor(options: SlowReadersOptions<Reader>) {
    this.#options = options
    this.#stalls = new StallDetector(options.stallMs, reader => options.cut(reader), options.nowMs)
  }

  /** Bytes held for all clients; a stream counts with all that it may hold. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  /** Records that the client has begun to fall behind, or has read another part. */
  watch(reader: Reader): void {
    this.#stalls.watch(reader)
    this.#uncount(reader)
    const bytes = Math.max(reader.heldBytes, this.#options.bytesPerStream)
    this.#counted.set(reader, bytes)
    this.#heldBytes += bytes
    this.#makeRoom(reader)
  }

  /** The client has read everything, or is gone. */
  forget(reader: Reader): void {
    this.#stalls.forget(reader)
    this.#uncount(reader)
  }

  close(): void {
    this.#stalls.close()
  }

  /** Never disconnects the client that has just made progress. */
  #makeRoom(latest: Reader): void {
    for (const reader of this.#counted.keys()) {
      if (this.#heldBytes <= this.#options.limitBytes || reader === latest) return
      this.#stalls.forget(reader)
      this.#uncount(reader)
      this.#options.cut(reader)
    }
  }

  #uncount(reader: Reader): void {
    this.#heldBytes -= this.#counted.get(reader) ?? 0
    this.#counted.delete(reader)
  }
}
