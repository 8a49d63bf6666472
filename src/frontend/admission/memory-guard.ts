/**
 * Detects a shortage of memory before the kernel or V8 ends the process, and triggers the collection of garbage. Polls
 * resident memory twice a second.
 */
import { availableMemoryBytes } from '../../core/available-memory.ts'

const POLL_INTERVAL_MS = 500
/** Polls between two attempts to free memory during a shortage: each attempt costs a full collection. */
const RECLAIM_POLLS = 10
/** Share of the memory of the container or the machine that is used as the default limit. */
const DEFAULT_SHARE = 0.8
/** A shortage ends below this share of the limit, because without hysteresis requests would be refused at random. */
const OVER_SHARE = 0.95
const MIB = 1024 * 1024

/** Whether memory is short, given whether it was at the last poll. Pure. */
export function isShortOfMemory(wasShort: boolean, usedBytes: number, limitBytes: number): boolean {
  return usedBytes > limitBytes * (wasShort ? OVER_SHARE : 1)
}

export class MemoryGuard {
  readonly #limitBytes: number
  readonly #reclaim: () => void
  readonly #timer: NodeJS.Timeout
  /** Consecutive polls that found memory short. */
  #pollsUnderPressure = 0
  isShort = false

  /**
   * `maxMemoryMb` is the limit in MiB, or 0 for a share of the available memory. `reclaim` frees what it can; it is
   * called when memory becomes short and every few seconds while it stays so.
   */
  constructor(maxMemoryMb: number, reclaim: () => void) {
    this.#reclaim = reclaim
    this.#limitBytes = maxMemoryMb > 0 ? maxMemoryMb * MIB : availableMemoryBytes() * DEFAULT_SHARE
    this.#timer = setInterval(() => this.poll(), POLL_INTERVAL_MS)
    this.#timer.unref()
  }

  /** Called by the timer. */
  poll(): void {
    const usedBytes = residentBytes()
    if (usedBytes !== undefined) this.isShort = isShortOfMemory(this.isShort, usedBytes, this.#limitBytes)
    if (!this.isShort) this.#pollsUnderPressure = 0
    else if (this.#pollsUnderPressure++ % RECLAIM_POLLS === 0) this.#reclaim()
  }

  close(): void {
    clearInterval(this.#timer)
  }
}

/** `undefined` when no file descriptor is left to read it with; the last result then stands. */
function residentBytes(): number | undefined {
  try {
    return process.memoryUsage.rss()
  } catch {
    return undefined
  }
}
