/**
 * Counts the large request bodies that are garbage, and has them collected before they take much memory. V8 does not count
 * shared memory, so nothing else would: a gateway that mostly relays creates few other objects.
 */
import { SMALL_BODY_BYTES } from './body-budget.ts'

/** Share of the memory that garbage may take. */
const SHARE = 1 / 16
/** Time for the last rows of ended requests to reach their router threads, which then refer to the bodies no longer. */
const DELAY_MS = 50

export class BodyGarbage {
  readonly #limitBytes: number
  readonly #collect: () => void
  #bytes = 0
  #timer: NodeJS.Timeout | undefined

  /** `memoryBytes`: what the process may use. `collect` frees the garbage of all threads. */
  constructor(memoryBytes: number, collect: () => void) {
    this.#limitBytes = memoryBytes * SHARE
    this.#collect = collect
  }

  /** A body of this size is no longer needed. Small ones do not count. */
  add(bytes: number): void {
    if (bytes <= SMALL_BODY_BYTES) return
    this.#bytes += bytes
    if (this.#bytes < this.#limitBytes) return
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#bytes = 0
      this.#collect()
    }, DELAY_MS)
  }

  close(): void {
    clearTimeout(this.#timer)
  }
}
