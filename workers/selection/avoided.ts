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

  /** The engine has asked not to be sent the request again for a while. That is no failure. */
  addBusy({ slot }: Engine): void {
    this.#slots.add(slot)
  }

  /** Whether a failure was charged to one of the two engines alone, or to just this pair. */
  includes({ prefill, decode }: Pair): boolean {
    const engines = prefill === undefined ? [decode] : [prefill, decode]
    return engines.some(({ slot }) => this.#engines.has(slot)) || this.#pairs.has(nameOf(engines))
  }
}

function nameOf(engines: readonly Engine[]): string {
  return engines.map(({ slot }) => slot).join()
}
