/** Decides from heartbeats which router threads are blocked. Pure: the caller passes the time. */

interface LastBeat {
  readonly beats: number
  readonly sinceMs: number
}

export class StallClock {
  readonly #stallMs: number
  readonly #pollIntervalMs: number
  readonly #last = new Map<number, LastBeat>()
  #polledMs: number | undefined

  /** `pollIntervalMs` is the intended interval between calls of `poll`. */
  constructor(stallMs: number, pollIntervalMs: number) {
    this.#stallMs = stallMs
    this.#pollIntervalMs = pollIntervalMs
  }

  /**
   * `beats` holds the heartbeat count of every thread that should be alive. Returns the threads whose count has not
   * changed for `stallMs`.
   */
  poll(nowMs: number, beats: ReadonlyMap<number, number>): number[] {
    // If this thread was blocked itself, or the whole machine was suspended, that time does not count.
    const awayMs = Math.max(0, nowMs - (this.#polledMs ?? nowMs) - this.#pollIntervalMs)
    this.#polledMs = nowMs
    const stalled: number[] = []
    for (const [thread, count] of beats) {
      const last = this.#last.get(thread)
      const sinceMs = last?.beats === count ? last.sinceMs + awayMs : nowMs
      this.#last.set(thread, { beats: count, sinceMs })
      if (nowMs - sinceMs >= this.#stallMs) stalled.push(thread)
    }
    return stalled
  }

  /** The thread has died; its successor starts with a full `stallMs`. */
  forget(thread: number): void {
    this.#last.delete(thread)
  }
}
