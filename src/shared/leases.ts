/** A lease counts one leg on one engine from before its dispatch to its end, and is given back exactly once. */
import type { Engine } from '../core/engine.ts'
import type { EngineSlots } from './engine-slots.ts'

export class Lease {
  readonly #slots: EngineSlots
  readonly #thread: number
  readonly #slot: number
  #isHeld = true

  private constructor(slots: EngineSlots, thread: number, slot: number) {
    this.#slots = slots
    this.#thread = thread
    this.#slot = slot
  }

  static acquire(slots: EngineSlots, thread: number, { slot }: Engine): Lease {
    slots.addInFlight(thread, slot, 1)
    return new Lease(slots, thread, slot)
  }

  /**
   * A second call does nothing. What was counted is counted down even when the slot has a new engine by now: a thread
   * may hold a snapshot that is one change old, and a leg left over would weigh on the new engine for ever.
   */
  release(): void {
    if (!this.#isHeld) return
    this.#isHeld = false
    this.#slots.addInFlight(this.#thread, this.#slot, -1)
  }
}
