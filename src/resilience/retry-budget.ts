/**
 * Limits retries to a share of the requests plus a floor, over a sliding window. The caller passes the time.
 *
 * Even when every attempt fails, the engines get at most `share` more requests than clients send, plus the floor. A retry
 * beyond that waits.
 */
export interface RetryBudgetOptions {
  /** Retries per request, 0 or more. */
  readonly share: number
  /** Retries per second that are allowed whatever the number of requests. */
  readonly floorPerSec: number
}

const STEPS = 20
const STEP_MS = 500
export const BUDGET_WINDOW_MS = STEPS * STEP_MS

export class RetryBudget {
  readonly #options: RetryBudgetOptions
  readonly #requests = new Float64Array(STEPS)
  readonly #retries = new Float64Array(STEPS)
  #step = 0

  constructor(options: RetryBudgetOptions) {
    this.#options = options
  }

  request(nowMs: number): void {
    this.#advance(nowMs)
    add(this.#requests, this.#step)
  }

  /** Takes one retry out of the budget. @returns false when the budget is spent for now. */
  take(nowMs: number): boolean {
    this.#advance(nowMs)
    if (sum(this.#retries) + 1 > this.#allowed()) return false
    add(this.#retries, this.#step)
    return true
  }

  #allowed(): number {
    const { share, floorPerSec } = this.#options
    // At least one: with an allowance below one, every retry would wait until its deadline.
    return Math.max(1, share * sum(this.#requests) + (floorPerSec * BUDGET_WINDOW_MS) / 1000)
  }

  /** Clears the cells of steps that have left the window, for the steps that enter it. */
  #advance(nowMs: number): void {
    const step = Math.floor(nowMs / STEP_MS)
    for (let entered = Math.max(this.#step + 1, step - STEPS + 1); entered <= step; entered++) {
      this.#requests[entered % STEPS] = 0
      this.#retries[entered % STEPS] = 0
    }
    this.#step = Math.max(this.#step, step)
  }
}

function add(cells: Float64Array, step: number): void {
  cells[step % STEPS] = (cells[step % STEPS] ?? 0) + 1
}

function sum(cells: Float64Array): number {
  let total = 0
  for (const cell of cells) total += cell
  return total
}
