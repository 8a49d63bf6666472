/** Looks up which engines can be a pair. Hot path: what follows from the engines is worked out once per snapshot. */
import type { Engine } from '../core/engine.ts'
import { canPair, pairingKind } from '../core/pairing.ts'

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

  #kindOf({ slot }: Engine): number {
    return this.#kinds[slot] ?? 0
  }
}
