/**
 * Where the retries of a thread wait for budget, first come, first served. `retry-budget.ts` decides what the budget
 * allows; this file has the queue and its only timer.
 */
import type { NowMs } from '../../src/core/clock.ts'
import type { RetryBudget } from '../../src/resilience/retry-budget.ts'

const POLL_INTERVAL_MS = 100

export class RetryBudgetQueue {
  readonly #budget: RetryBudget
  readonly #nowMs: NowMs
  /** In order of arrival, which a Set keeps; an entry may leave from anywhere at no cost. */
  readonly #waiting = new Set<() => void>()
  #timer: NodeJS.Timeout | undefined

  constructor(budget: RetryBudget, nowMs: NowMs) {
    this.#budget = budget
    this.#nowMs = nowMs
  }

  /** Adds the share of one new request to the budget. */
  countRequest(): void {
    this.#budget.request(this.#nowMs())
  }

  /** Calls `proceed` once the retry may be made: now, or later. @returns ends the wait; harmless after it. */
  pass(proceed: () => void): () => void {
    if (this.#waiting.size === 0 && this.#budget.take(this.#nowMs())) {
      proceed()
      return () => undefined
    }
    this.#waiting.add(proceed)
    this.#timer ??= setInterval(() => this.#poll(), POLL_INTERVAL_MS)
    return () => this.#leave(proceed)
  }

  /** Drops all that wait: none of their callbacks is called. */
  close(): void {
    this.#waiting.clear()
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #poll(): void {
    for (const proceed of this.#waiting) {
      if (!this.#budget.take(this.#nowMs())) return
      this.#leave(proceed)
      proceed()
    }
  }

  #leave(proceed: () => void): void {
    if (this.#waiting.delete(proceed) && this.#waiting.size === 0) this.close()
  }
}
