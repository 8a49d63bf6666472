/** Looks up which engines can be a pair. Hot path: what follows from the engines is worked out once per snapshot. */
import type { Engine } from '../core/engine.ts'
import { canPair, pairingKind } from '../core/pairing.ts'
import { preferring } from './eligible.ts'
import { passing } from './passing.ts'

const UNKNOWN = 0
const YES = 1
const NO = 2

export class PairingTable {
  /** By slot. */
  readonly #kinds: number[] = []
  readonly #count: number
  /** One cell per pair of kinds, filled when it is first needed. */
  readonly #cells: Uint8Array

  constructor(engines: readonly Engine[]) {
    const kinds = new Map<string, number>()
    for (const engine of engines) {
      const name = pairingKind(engine)
      const kind = kinds.get(name) ?? kinds.size
      kinds.set(name, kind)
      this.#kinds[engine.slot] = kind
    }
    this.#count = kinds.size
    this.#cells = new Uint8Array(this.isUniform ? 0 : this.#count ** 2)
  }

  /** Whether all engines are alike, so that any two can be a pair. */
  get isUniform(): boolean {
    return this.#count <= 1
  }

  canPair(prefill: Engine, decode: Engine): boolean {
    if (this.isUniform) return true
    const cell = this.#kindOf(prefill) * this.#count + this.#kindOf(decode)
    if (this.#cells[cell] === UNKNOWN) this.#cells[cell] = canPair(prefill, decode) ? YES : NO
    return this.#cells[cell] === YES
  }

  /** The prefill engines that can work with one of `decodes`: with one that has room, if there are any. */
  joinable(
    prefills: readonly Engine[],
    decodes: readonly Engine[],
    hasRoom: (engine: Engine) => boolean,
  ): readonly Engine[] {
    if (this.isUniform) return prefills
    const joinable = passing(prefills, prefill => this.partnersOf(prefill, decodes).length > 0)
    return preferring(joinable, prefill => this.partnersOf(prefill, decodes).some(hasRoom))
  }

  /** Unlike an avoided pair, one that cannot work together is not even used when there is no other. */
  partnersOf(prefill: Engine, decodes: readonly Engine[]): readonly Engine[] {
    return this.isUniform ? decodes : passing(decodes, decode => this.canPair(prefill, decode))
  }

  #kindOf({ slot }: Engine): number {
    return this.#kinds[slot] ?? 0
  }
}
