/**
 * Tells when the process is short of memory, before the kernel or V8 end it, and has it looked for what can be freed.
 * Looks twice a second.
 */
import { totalmem } from 'node:os'

const POLL_INTERVAL_MS = 500
/** Looks from one attempt to free memory to the next, for as long as it is short: each costs a full collection. */
const RECLAIM_POLLS = 10
/** Of what the container or the machine has. */
const DEFAULT_SHARE = 0.8
/** Below this share of the limit the shortage is over: a limit that is crossed back and forth would refuse at random. */
const OVER_SHARE = 0.95
const MIB = 1024 * 1024

/** Pure. `wasShort`: what it was before. */
export function isShortOfMemory(wasShort: boolean, usedBytes: number, limitBytes: number): boolean {
  return usedBytes > limitBytes * (wasShort ? OVER_SHARE : 1)
}

export class MemoryGuard {
  readonly #limitBytes: number
  readonly #reclaim: () => void
  readonly #timer: NodeJS.Timeout
  /** In a row. */
  #pollsUnderPressure = 0
  isShort = false

  /** `maxMemoryMb`: 0 for a share of what there is. `reclaim`: frees what it can. */
  constructor(maxMemoryMb: number, reclaim: () => void) {
    this.#reclaim = reclaim
    this.#limitBytes = maxMemoryMb > 0 ? maxMemoryMb * MIB : availableBytes() * DEFAULT_SHARE
    this.#timer = setInterval(() => this.poll(), POLL_INTERVAL_MS)
    this.#timer.unref()
  }

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

/** `undefined` when no descriptor is left to read it with: what was known before stands. */
function residentBytes(): number | undefined {
  try {
    return process.memoryUsage.rss()
  } catch {
    return undefined
  }
}

/** Node gives 0 or a huge number where there is no limit of a container. */
function availableBytes(): number {
  const constrained = process.constrainedMemory()
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem()
}
