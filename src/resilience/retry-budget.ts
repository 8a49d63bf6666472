/**
 * Paces retries: over a sliding window they may be a share of the requests and a floor. Pure: the clock comes in.
 *
 * When every attempt fails, the engines get `share` more than was asked for, and the floor; a retry beyond that waits.
 */
export interface RetryBudgetOptions {
  /** Retries a request, 0 or more. */
  readonly share: number
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
    this.#turn(nowMs)
    add(this.#requests, this.#step)
  }

  /** Takes one retry out of the budget. `false`: it is spent for now. */
  take(nowMs: number): boolean {
    this.#turn(nowMs)
    if (sum(this.#retries) + 1 > this.#allowed()) return false
    add(this.#retries, this.#step)
    return true
  }

  #allowed(): number {
    const { share, floorPerSec } = this.#options
    // Never below one: a budget that lets nothing through would make every retry wait for its deadline.
    return Math.max(1, share * sum(this.#requests) + (floorPerSec * BUDGET_WINDOW_MS) / 1000)
  }

  /** Steps that have left the window are emptied for those that enter it. */
  #turn(nowMs: number): void {
    const step = Math.floor(nowMs / STEP_MS)
    for (let each = Math.max(this.#step + 1, step - STEPS + 1); each <= step; each++) {
      this.#requests[each % STEPS] = 0
      this.#retries[each % STEPS] = 0
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
