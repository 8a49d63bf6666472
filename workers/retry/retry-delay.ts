/** The pause of one request before its next attempt: the backoff, then the line for budget. Ends at once when told. */
import type { RetryBudgetQueue } from './budget-queue.ts'

export class RetryDelay {
  readonly #budgetQueue: RetryBudgetQueue
  #timer: NodeJS.Timeout | undefined
  #leave: (() => void) | undefined

  constructor(budgetQueue: RetryBudgetQueue) {
    this.#budgetQueue = budgetQueue
  }

  get isWaiting(): boolean {
    return this.#timer !== undefined || this.#leave !== undefined
  }

  /** Calls `go` after `delayMs` and, when the attempt `costs`, once there is budget for it. */
  start(delayMs: number, costs: boolean, go: () => void): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      if (costs) this.#queue(go)
      else go()
    }, delayMs)
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#leave?.()
    this.#leave = undefined
  }

  #queue(go: () => void): void {
    let hasGone = false
    const leave = this.#budgetQueue.pass(() => {
      hasGone = true
      this.#leave = undefined
      go()
    })
    if (!hasGone) this.#leave = leave
  }
}
