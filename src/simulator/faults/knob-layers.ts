/** Changes to the knobs of one engine that may overlap and be undone in any order. */
import type { Knobs } from '../settings/knobs.ts'

export class KnobLayers {
  readonly #knobs: Knobs
  readonly #base: Knobs
  readonly #layers = new Set<Partial<Knobs>>()

  /** `knobs` are those of a running engine and are modified in place. */
  constructor(knobs: Knobs) {
    this.#knobs = knobs
    this.#base = { ...knobs }
  }

  /** Applies changes; later ones take precedence over earlier ones. Returns a function that undoes them. */
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
