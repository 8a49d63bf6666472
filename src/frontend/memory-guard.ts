/** Tells when the process is short of memory, before the kernel or V8 end it. Looks twice a second. */
import { totalmem } from 'node:os'

const LOOK_MS = 500
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
  readonly #timer: NodeJS.Timeout
  isShort = false

  /** `maxMemoryMb`: 0 for a share of what there is. */
  constructor(maxMemoryMb: number) {
    this.#limitBytes = maxMemoryMb > 0 ? maxMemoryMb * MIB : availableBytes() * DEFAULT_SHARE
    this.#timer = setInterval(() => this.look(), LOOK_MS)
    this.#timer.unref()
  }

  look(): void {
    const usedBytes = residentBytes()
    if (usedBytes !== undefined) this.isShort = isShortOfMemory(this.isShort, usedBytes, this.#limitBytes)
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
