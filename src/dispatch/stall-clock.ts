/** Which router threads stand still, told by their heartbeats. Pure: whoever looks passes the time. */

interface LastBeat {
  readonly beats: number
  readonly sinceMs: number
}

export class StallClock {
  readonly #stallMs: number
  readonly #pollIntervalMs: number
  readonly #last = new Map<number, LastBeat>()
  #polledMs: number | undefined

  /** `lookEveryMs`: how often `look` is meant to be called. */
  constructor(stallMs: number, pollIntervalMs: number) {
    this.#stallMs = stallMs
    this.#pollIntervalMs = pollIntervalMs
  }

  /** `beats` of every thread that should be alive. Returns the threads that have not beaten for too long. */
  poll(nowMs: number, beats: ReadonlyMap<number, number>): number[] {
    // While the one who looks stood still itself, or the whole machine slept, nobody's silence means anything.
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

  /** The thread is gone; a successor starts anew. */
  forget(thread: number): void {
    this.#last.delete(thread)
  }
}
