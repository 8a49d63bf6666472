/**
 * Where retries of a thread wait for budget, first come first served. What the budget allows is decided in
 * `retry-budget.ts`; this has the line and its one timer.
 */
import type { NowMs } from '../../src/core/clock.ts'
import type { RetryBudget } from '../../src/resilience/retry-budget.ts'

const POLL_INTERVAL_MS = 100

export class RetryBudgetQueue {
  readonly #budget: RetryBudget
  readonly #nowMs: NowMs
  /** In the order of their coming: a Set keeps it, and one that leaves costs nothing. */
  readonly #waiting = new Set<() => void>()
  #timer: NodeJS.Timeout | undefined

  constructor(budget: RetryBudget, nowMs: NowMs) {
    this.#budget = budget
    this.#nowMs = nowMs
  }

  /** A request has come in: it brings its share of the budget. */
  countRequest(): void {
    this.#budget.request(this.#nowMs())
  }

  /** Calls `go` when the retry may be made: now, or later. @returns ends the wait; harmless after it. */
  pass(go: () => void): () => void {
    if (this.#waiting.size === 0 && this.#budget.take(this.#nowMs())) {
      go()
      return () => undefined
    }
    this.#waiting.add(go)
    this.#timer ??= setInterval(() => this.#poll(), POLL_INTERVAL_MS)
    return () => this.#leave(go)
  }

  /** Nobody in the line is heard of again. */
  close(): void {
    this.#waiting.clear()
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #poll(): void {
    for (const go of this.#waiting) {
      if (!this.#budget.take(this.#nowMs())) return
      this.#leave(go)
      go()
    }
  }

  #leave(go: () => void): void {
    if (this.#waiting.delete(go) && this.#waiting.size === 0) this.close()
  }
}
