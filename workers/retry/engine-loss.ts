/**
 * Whether a request may be what ends the engines it is sent to. Each loss is an attempt whose connection was reset after
 * the request had been written and before the commit, as a process that ends leaves it.
 *
 * An engine that has done its part of another request since then has not ended: a proxy or the network broke the
 * connection. When two engines are lost within milliseconds neither has had time to show that, so the request waits.
 */
interface Loss {
  readonly slot: number
  /** The number of answers of the engine until then. */
  readonly answers: number
}

/** Of the engines that a request has lost, this many may have ended when it is sent to another one. */
const MAX_ENDED = 1

export class EngineLosses {
  readonly #answersOf: (slot: number) => number
  readonly #holdMs: number
  #losses: readonly Loss[] = []
  #latestMs = 0

  /**
   * `answersOf`: a number that changes when the engine in the slot answers. `holdMs`: how long lost engines have to show
   * that they live.
   */
  constructor(answersOf: (slot: number) => number, holdMs: number) {
    this.#answersOf = answersOf
    this.#holdMs = holdMs
  }

  add(slot: number, nowMs: number): void {
    this.#losses = [...this.#losses, { slot, answers: this.#answersOf(slot) }]
    this.#latestMs = nowMs
  }

  /**
   * Time in ms left for all but one of the lost engines to show that they live; 0 or less when it is over. `undefined` if
   * they have.
   */
  signOfLifeLeftMs(nowMs: number): number | undefined {
    this.#losses = this.#losses.filter(({ slot, answers }) => this.#answersOf(slot) === answers)
    return this.#losses.length > MAX_ENDED ? this.#latestMs + this.#holdMs - nowMs : undefined
  }
}
