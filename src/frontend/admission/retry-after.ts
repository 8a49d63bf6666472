/** How fast requests come to their end, and from that when a refused client may come again. Times in milliseconds. */

/** What happened so long ago counts a third. */
const MEMORY_MS = 10_000
const SHORTEST_MS = 1000
const LONGEST_MS = 60_000

export class CompletionRate {
  #perMs = 0
  #atMs = 0

  note(nowMs: number): void {
    this.#perMs = this.#at(nowMs) + 1 / MEMORY_MS
    this.#atMs = nowMs
  }

  /** By when `waiting` requests will have had their turn, 1 to 60 s; 1 s while nothing is known. */
  waitMs(waiting: number, nowMs: number): number {
    const perMs = this.#at(nowMs)
    if (perMs === 0) return SHORTEST_MS
    return Math.min(LONGEST_MS, Math.max(SHORTEST_MS, waiting / perMs))
  }

  #at(nowMs: number): number {
    return this.#perMs * Math.exp((this.#atMs - nowMs) / MEMORY_MS)
  }
}
