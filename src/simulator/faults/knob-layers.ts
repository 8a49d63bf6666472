/** Changes of one engine's knobs that may overlap and end in any order: what is left is always what it would be alone. */
import type { Knobs } from '../settings/knobs.ts'

export class KnobLayers {
  readonly #knobs: Knobs
  readonly #base: Knobs
  readonly #layers = new Set<Partial<Knobs>>()

  /** `knobs` are those of a running engine, written in place. */
  constructor(knobs: Knobs) {
    this.#knobs = knobs
    this.#base = { ...knobs }
  }

  /** Later layers win. Returns what takes this one away again. */
  add(changes: Partial<Knobs>): () => void {
    const layer = { ...changes }
    this.#layers.add(layer)
    this.#apply()
    return () => {
      if (this.#layers.delete(layer)) this.#apply()
    }
  }

  #apply(): void {
    Object.assign(this.#knobs, this.#base, ...this.#layers)
  }
}
