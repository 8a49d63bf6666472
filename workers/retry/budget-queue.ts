/**
 * The retry budget of a thread, and the retries that wait for it, first come, first served. `retry-budget.ts` decides
 * what the budget allows; this file has the queue and its only timer.
 */
import type { NowMs } from '../../src/core/clock.ts'
import type { RetryBudget } from '../../src/resilience/retry-budget.ts'

const POLL_INTERVAL_MS = 100

/** A retry that waits for budget. */
export interface BudgetWaiter {
  /** Makes the retry if it may, with `take` or without. @returns false when it must go on waiting. */
  retryNow(): boolean
}

export class RetryBudgetQueue {
  readonly #budget: RetryBudget
  readonly #nowMs: NowMs
  /** In order of arrival, which a Set keeps; an entry may leave from anywhere at no cost. */
  readonly #waiting = new Set<BudgetWaiter>()
  #isServing = false
  #timer: NodeJS.Timeout | undefined

  constructor(budget: RetryBudget, nowMs: NowMs) {
    this.#budget = budget
    this.#nowMs = nowMs
  }

  /** Adds the share of one new request to the budget. */
  countRequest(): void {
    this.#budget.request(this.#nowMs())
  }

  /** Takes one retry out of the budget. @returns false when it is spent, or when others wait for it. */
  take(): boolean {
    return (this.#waiting.size === 0 || this.#isServing) && this.#budget.take(this.#nowMs())
  }

  /** `retryNow` is called in turn until it returns true, or the waiter leaves. */
  wait(waiter: BudgetWaiter): void {
    this.#waiting.add(waiter)
    this.#timer ??= setInterval(() => this.#poll(), POLL_INTERVAL_MS)
  }

  /** Does nothing when the waiter is not in the queue. */
  leave(waiter: BudgetWaiter): void {
    if (this.#waiting.delete(waiter) && this.#waiting.size === 0) this.close()
  }

  /** Drops all that wait: none of them is called. */
  close(): void {
    this.#waiting.clear()
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #poll(): void {
    this.#isServing = true
    for (const waiter of this.#waiting) {
      if (!waiter.retryNow()) break
      this.leave(waiter)
    }
    this.#isServing = false
  }
}
