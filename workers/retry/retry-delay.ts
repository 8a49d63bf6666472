/** The pause of one request before its next attempt: the backoff, then the line for budget. Ends at once when told. */
import type { RetryGate } from './budget-queue.ts'

export class RetryWait {
  readonly #gate: RetryGate
  #timer: NodeJS.Timeout | undefined
  #leave: (() => void) | undefined

  constructor(gate: RetryGate) {
    this.#gate = gate
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
    const leave = this.#gate.pass(() => {
      hasGone = true
      this.#leave = undefined
      go()
    })
    if (!hasGone) this.#leave = leave
  }
}
