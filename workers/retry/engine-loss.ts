/**
 * Whether a request may be what ends the engines it is sent to. Each loss is an attempt whose connection was reset after
 * the request had been written and before the commit, as a process that ends leaves it.
 *
 * An engine that has served another request well since then has not ended: a proxy or the network broke the connection.
 */
interface Loss {
  readonly slot: number
  /** Good legs of the engine until then. */
  readonly good: number
}

export class EngineLosses {
  readonly #goodOf: (slot: number) => number
  #losses: readonly Loss[] = []

  /** `goodOf`: number of legs that went well on the engine of a slot; it only grows. */
  constructor(goodOf: (slot: number) => number) {
    this.#goodOf = goodOf
  }

  /** Notes another loss. @returns whether an engine that was lost before has shown no life since. */
  add(slot: number): boolean {
    const lost = this.#losses.filter(loss => this.#goodOf(loss.slot) === loss.good)
    this.#losses = [...lost, { slot, good: this.#goodOf(slot) }]
    return lost.length > 0
  }
}
