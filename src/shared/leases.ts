/**
 * A lease counts the requests of one leg on one engine from before its dispatch to its end, and is given back exactly
 * once.
 */
import type { Engine } from '../core/engine.ts'
import type { EngineSlots } from './engine-slots.ts'

export interface LeaseTerms {
  /** Requests that the leg is for the engine, 1 or more: each prompt of a batch is one. */
  readonly weight: number
  /** Requests that the engine takes at once, over all threads; `Infinity` for no bound. */
  readonly capacity: number
  /** Called once, when the lease is given back. */
  readonly onRelease?: () => void
}

export class Lease {
  readonly #slots: EngineSlots
  readonly #thread: number
  readonly #slot: number
  readonly #weight: number
  readonly #onRelease: (() => void) | undefined
  #isHeld = true

  private constructor(slots: EngineSlots, thread: number, slot: number, terms: LeaseTerms) {
    this.#slots = slots
    this.#thread = thread
    this.#slot = slot
    this.#weight = terms.weight
    this.#onRelease = terms.onRelease
  }

  /**
   * `undefined` when the engine has no room. A leg that is larger than the engine's capacity is let in alone.
   *
   * Counts first and looks then: two threads that come at the same time may both be turned away, never both let in
   * above the capacity.
   */
  static tryAcquire(
    slots: EngineSlots,
    thread: number,
    { slot }: Engine,
    terms: LeaseTerms,
  ): Lease | undefined {
    slots.addInFlight(thread, slot, terms.weight)
    if (isWithin(slots.inFlight(slot), terms)) return new Lease(slots, thread, slot, terms)
    slots.addInFlight(thread, slot, -terms.weight)
    return undefined
  }

  /**
   * A second call does nothing. What was counted is counted down even when the slot has a new engine by now: a thread
   * may hold a snapshot that is one change old, and a leg left over would weigh on the new engine for ever.
   */
  release(): void {
    if (!this.#isHeld) return
    this.#isHeld = false
    this.#slots.addInFlight(this.#thread, this.#slot, -this.#weight)
    this.#onRelease?.()
  }
}

/** `inFlight`: with the leg in question. */
export function isWithin(inFlight: number, { weight, capacity }: Omit<LeaseTerms, 'onRelease'>): boolean {
  return inFlight <= Math.max(capacity, weight)
}
