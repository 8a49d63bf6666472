/**
 * Counts the requests of one leg on one engine, from before its dispatch to its end. A lease is released exactly once.
 */
import type { Engine } from '../core/engine.ts'
import type { EngineSlots } from './engine-slots.ts'

export interface LeaseTerms {
  /** Maximum requests in flight on the engine over all threads; `Infinity` for no limit. */
  readonly capacity: number
  /** Called once, when the lease is released. */
  readonly onRelease?: () => void
}

export class Lease {
  readonly #slots: EngineSlots
  readonly #thread: number
  readonly #slot: number
  /** Of the data-parallel rank, if one was chosen. */
  readonly #target: number | undefined
  readonly #capacity: number
  readonly #onRelease: (() => void) | undefined
  #endWork: (() => void) | undefined
  #isHeld = true
  #isReservation = false

  private constructor(slots: EngineSlots, thread: number, { slot, rank }: Engine, terms: LeaseTerms) {
    this.#slots = slots
    this.#thread = thread
    this.#slot = slot
    this.#target = rank?.target
    if (this.#target !== undefined) slots.addRankInFlight(thread, this.#target, 1)
    this.#capacity = terms.capacity
    this.#onRelease = terms.onRelease
  }

  /**
   * Returns `undefined` if the engine is at capacity. An engine that reports a capacity of 0 still gets one leg.
   *
   * Counts first and checks the sum afterwards: two threads that try at the same time may both be rejected, but never
   * both be admitted above the capacity.
   */
  static tryAcquire(
    slots: EngineSlots,
    thread: number,
    engine: Engine,
    terms: LeaseTerms,
  ): Lease | undefined {
    const { slot } = engine
    slots.addInFlight(thread, slot, 1)
    if (isWithin(slots.inFlight(slot), terms.capacity)) return new Lease(slots, thread, engine, terms)
    slots.addInFlight(thread, slot, -1)
    return undefined
  }

  /**
   * Counts a request that the engine has no room for yet. It is then above its capacity and gets nothing else, so that
   * the next room is the request's; it may be sent when `isCovered`, after `endReservation`. Returns `undefined` if the
   * engine is reserved already: of two reservations, each could wait for the other.
   */
  static tryReserve(
    slots: EngineSlots,
    thread: number,
    engine: Engine,
    terms: LeaseTerms,
  ): Lease | undefined {
    const { slot } = engine
    if (!slots.reserve(thread, slot)) return undefined
    slots.addInFlight(thread, slot, 1)
    const lease = new Lease(slots, thread, engine, terms)
    lease.#isReservation = true
    return lease
  }

  /** The request is about to be sent: the engine may be reserved for others. */
  endReservation(): void {
    if (this.#isReservation) this.#slots.unreserve(this.#thread, this.#slot)
    this.#isReservation = false
  }

  /** `endWork` ends what the engine does for the request; it is called once, when the lease is released. */
  keepWork(endWork: (() => void) | undefined): void {
    this.#endWork = endWork
  }

  /** Whether the engine is within its capacity with this lease. */
  get isCovered(): boolean {
    return isWithin(this.#slots.inFlight(this.#slot), this.#capacity)
  }

  /**
   * Further calls do nothing. The count is reduced even if the slot belongs to another engine by now: a thread with an
   * outdated snapshot may have acquired the lease, and its count would otherwise stay on the new engine.
   */
  release(): void {
    if (!this.#isHeld) return
    this.#isHeld = false
    this.endReservation()
    this.#slots.addInFlight(this.#thread, this.#slot, -1)
    if (this.#target !== undefined) this.#slots.addRankInFlight(this.#thread, this.#target, -1)
    this.#endWork?.()
    this.#onRelease?.()
  }
}

/** Whether a leg is within the capacity; `inFlight`, 1 or more, includes the leg. */
export function isWithin(inFlight: number, capacity: number): boolean {
  return inFlight <= Math.max(capacity, 1)
}
