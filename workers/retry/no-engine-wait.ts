/** How long a request may still wait for an engine, over all the times that it found none. */
import type { Random } from '../../src/core/random.ts'
import { backoffMs } from '../../src/resilience/backoff.ts'

/** Short at first: an outage may be over at once. Long later: thousands may be waiting. */
const POLL_INTERVAL = { initialBackoffMs: 50, maxBackoffMs: 500, backoffMultiplier: 2, jitterFactor: 0.5 }

export class NoEngineWait {
  #leftMs: number
  #polls = 0

  constructor(limitMs: number) {
    this.#leftMs = limitMs
  }

  /** Until the next look, ms; `undefined` when the time is over, or the deadline would be. */
  nextMs(nowMs: number, deadlineMs: number, random: Random): number | undefined {
    if (this.#leftMs <= 0) return undefined
    const delayMs = Math.min(backoffMs(++this.#polls, POLL_INTERVAL, random), this.#leftMs)
    this.#leftMs -= delayMs
    return nowMs + delayMs < deadlineMs ? delayMs : undefined
  }
}
