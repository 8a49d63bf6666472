/** The engines and pairs that failures of one request were charged to, and engines that have asked for a pause. */
import type { Engine } from '../../src/core/engine.ts'
import type { Charge } from '../classify/failure.ts'
import type { Pair } from './pair-selector.ts'

export class Avoided {
  readonly #slots = new Set<number>()
  readonly #engines = new Set<number>()
  readonly #pairs = new Set<string>()

  /** Slots of the engines that the next attempt avoids while there are others: both of a pair that failed. */
  get slots(): ReadonlySet<number> {
    return this.#slots
  }

  /** `engines`: those of the pair that `charge` names. */
  add(charge: Charge, engines: readonly Engine[]): void {
    for (const { slot } of engines) this.#slots.add(slot)
    if (charge.kind === 'pair') this.#pairs.add(nameOf(engines))
    else for (const { slot } of engines) this.#engines.add(slot)
  }

  /**
   * The engine has asked not to be sent the request again for a while. That is no failure, but to be sent it all the same
   * adds to a load that is too much already.
   */
  addBusy({ slot }: Engine): void {
    this.#slots.add(slot)
    this.#engines.add(slot)
  }

  /** Whether one of the two engines alone, or just this pair, has failed the request, or an engine has asked for a pause. */
  includes({ prefill, decode }: Pair): boolean {
    const engines = prefill === undefined ? [decode] : [prefill, decode]
    return engines.some(({ slot }) => this.#engines.has(slot)) || this.#pairs.has(nameOf(engines))
  }
}

function nameOf(engines: readonly Engine[]): string {
  return engines.map(({ slot }) => slot).join()
}
