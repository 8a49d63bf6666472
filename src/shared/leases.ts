/** A lease counts one leg on one engine from before its dispatch to its end, and is given back exactly once. */
import type { Engine } from '../core/engine.ts'
import type { EngineSlots } from './engine-slots.ts'

export class Lease {
  readonly #slots: EngineSlots
  readonly #thread: number
  readonly #engine: Engine
  #isHeld = true

  private constructor(slots: EngineSlots, thread: number, engine: Engine) {
    this.#slots = slots
    this.#thread = thread
    this.#engine = engine
  }

  static acquire(slots: EngineSlots, thread: number, engine: Engine): Lease {
    slots.addInFlight(thread, engine.slot, 1)
    return new Lease(slots, thread, engine)
  }

  /** A second call does nothing. An engine that has lost its slot meanwhile is not counted down on its successor. */
  release(): void {
    if (!this.#isHeld) return
    this.#isHeld = false
    if (this.#slots.generation(this.#engine.slot) === this.#engine.generation) {
      this.#slots.addInFlight(this.#thread, this.#engine.slot, -1)
    }
  }
}
