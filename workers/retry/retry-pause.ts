/** The pause of one request before its next attempt: first the backoff, then the queue for retry budget. */
import type { RetryBudgetQueue } from './budget-queue.ts'

export class RetryPause {
  readonly #budgetQueue: Pick<RetryBudgetQueue, 'pass'>
  #timer: NodeJS.Timeout | undefined
  #leaveQueue: (() => void) | undefined

  constructor(budgetQueue: Pick<RetryBudgetQueue, 'pass'>) {
    this.#budgetQueue = budgetQueue
  }

  get isWaiting(): boolean {
    return this.#timer !== undefined || this.#leaveQueue !== undefined
  }

  /** Calls `proceed` after `delayMs` and, if the attempt `costsBudget`, once there is budget for it. */
  start(delayMs: number, costsBudget: boolean, proceed: () => void): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      if (costsBudget) this.#queue(proceed)
      else proceed()
    }, delayMs)
  }

  /** Ends the pause; `proceed` is not called. */
  end(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#leaveQueue?.()
    this.#leaveQueue = undefined
  }

  #queue(proceed: () => void): void {
    let hasPassed = false
    const leaveQueue = this.#budgetQueue.pass(() => {
      hasPassed = true
      this.#leaveQueue = undefined
      proceed()
    })
    if (!hasPassed) this.#leaveQueue = leaveQueue
  }
}
