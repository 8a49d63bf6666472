/** Measures how fast requests complete, to estimate when a refused client should come back. */

/** Time after which a completion counts for 1/e. */
const MEMORY_MS = 10_000
const MIN_WAIT_MS = 1000
const MAX_WAIT_MS = 60_000

/** Completions per millisecond, as an exponentially weighted average. */
export class CompletionRate {
  #perMs = 0
  #updatedMs = 0

  /** Counts one completed request. */
  note(nowMs: number): void {
    this.#perMs = this.#decayed(nowMs) + 1 / MEMORY_MS
    this.#updatedMs = nowMs
  }

  /** Time in which `waiting` requests will have had their turn, 1 to 60 s; 1 s before the first completion. */
  waitMs(waiting: number, nowMs: number): number {
    const perMs = this.#decayed(nowMs)
    if (perMs === 0) return MIN_WAIT_MS
    return Math.min(MAX_WAIT_MS, Math.max(MIN_WAIT_MS, waiting / perMs))
  }

  #decayed(nowMs: number): number {
    return this.#perMs * Math.exp((this.#updatedMs - nowMs) / MEMORY_MS)
  }
}
