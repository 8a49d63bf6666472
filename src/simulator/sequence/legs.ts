/**
 * The legs that a scheduler of a PD engine holds: one a sequence, each with at most one timer, which ends with it.
 *
 * What states a leg has and what its end frees is the scheduler's.
 */
import type { SimClock, TimerHandle } from '../clock/clock.ts'
import type { Sequence } from './sequence.ts'

export interface Leg {
  readonly sequence: Sequence
  timer: TimerHandle | undefined
}

export class Legs<L extends Leg> {
  readonly #clock: SimClock
  readonly #bySequence = new Map<Sequence, L>()

  constructor(clock: SimClock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#bySequence.size
  }

  add(leg: L): void {
    this.#bySequence.set(leg.sequence, leg)
  }

  of(sequence: Sequence): L | undefined {
    return this.#bySequence.get(sequence)
  }

  all(): Iterable<L> {
    return this.#bySequence.values()
  }

  /** Its one timer: `run` after `ms`, unless the leg is gone by then. */
  arm(leg: L, ms: number, run: () => void): void {
    leg.timer = this.#clock.setTimeout(run, ms)
  }

  disarm(leg: L): void {
    this.#clock.clearTimeout(leg.timer)
  }

  /** Returns the leg that is held no longer; undefined when there was none. */
  drop(sequence: Sequence): L | undefined {
    const leg = this.#bySequence.get(sequence)
    if (leg === undefined) return undefined
    this.#bySequence.delete(sequence)
    this.disarm(leg)
    return leg
  }

  reset(): void {
    for (const leg of this.#bySequence.values()) this.disarm(leg)
    this.#bySequence.clear()
  }
}
