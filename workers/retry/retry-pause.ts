/** What a request waits for before it goes on: time, and other parts of it after an engine was lost. */
import type { LossGate } from './loss-gate.ts'

export class RetryPause<Part> {
  readonly #part: Part
  readonly #gate: LossGate<Part> | undefined
  #timer: NodeJS.Timeout | undefined

  /** `gate`: shared by the parts of one request; none if `part` is all of it. */
  constructor(part: Part, gate: LossGate<Part> | undefined) {
    this.#part = part
    this.#gate = gate
  }

  get isRunning(): boolean {
    return this.#timer !== undefined || this.#gate?.isHolding(this.#part) === true
  }

  /**
   * Calls `then` after `delayMs`, unless it is ended before. `isAfterLoss`: an engine was lost, so the next attempt may
   * have to wait for other parts as well.
   */
  start(delayMs: number, isAfterLoss: boolean, then: () => void): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      if (!isAfterLoss || this.#gate?.admit(this.#part, then) !== false) then()
    }, delayMs)
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#gate?.leave(this.#part)
  }
}
