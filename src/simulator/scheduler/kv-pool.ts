/** The KV cache of one engine, counted in tokens that sequences hold. It knows neither pages nor prefixes. */

import type { Sequence } from '../sequence/sequence.ts'
import type { Knobs } from '../settings/knobs.ts'

export class KvPool {
  readonly #knobs: Knobs
  #used = 0

  constructor(knobs: Knobs) {
    this.#knobs = knobs
  }

  get used(): number {
    return this.#used
  }

  get free(): number {
    return this.#knobs.kvTokens - this.#used
  }

  take(sequence: Sequence, tokens: number): void {
    sequence.kvHeld += tokens
    this.#used += tokens
  }

  /** Frees everything that the sequence holds. */
  release(sequence: Sequence): void {
    this.#used -= sequence.kvHeld
    sequence.kvHeld = 0
  }

  reset(): void {
    this.#used = 0
  }
}
