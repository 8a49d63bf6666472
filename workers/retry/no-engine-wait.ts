/** How long one request may still wait for an engine, over all the times that no pair could be chosen for it. */
import type { Random } from '../../src/core/random.ts'
import { backoffMs } from '../../src/resilience/backoff.ts'

/** Short at first, because an outage may end at once; long later, because thousands of requests may be waiting. */
const POLL_INTERVAL = { initialBackoffMs: 50, maxBackoffMs: 500, backoffMultiplier: 2, jitterFactor: 0.5 }

export class NoEngineWait {
  #leftMs: number
  #polls = 0

  constructor(limitMs: number) {
    this.#leftMs = limitMs
  }

  /** Time until the next poll, in ms; `undefined` when the limit is reached or the deadline would be. */
  nextMs(nowMs: number, deadlineMs: number, random: Random): number | undefined {
    if (this.#leftMs <= 0) return undefined
    const delayMs = Math.min(backoffMs(++this.#polls, POLL_INTERVAL, random), this.#leftMs)
    this.#leftMs -= delayMs
    return nowMs + delayMs < deadlineMs ? delayMs : undefined
  }
}
