/**
 * The legs that a scheduler of a PD engine holds: one a sequence, each with at most one timer, which ends with it.
 *
 * What states a leg has and what its end frees is the scheduler's.
 */
import type { SimClock, TimerHandle } from '../clock/clock.ts'
import type { Sequence } from './sequence.ts'

export interface RoomMember {
  readonly sequence: Sequence
  timer: TimerHandle | undefined
}

export class RoomMembers<L extends RoomMember> {
  readonly #clock: SimClock
  readonly #bySequence = new Map<Sequence, L>()

  constructor(clock: SimClock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#bySequence.size
  }

  add(member: L): void {
    this.#bySequence.set(member.sequence, member)
  }

  find(sequence: Sequence): L | undefined {
    return this.#bySequence.get(sequence)
  }

  all(): Iterable<L> {
    return this.#bySequence.values()
  }

  /** Its one timer: `run` after `ms`, unless the leg is gone by then. */
  arm(member: L, ms: number, run: () => void): void {
    member.timer = this.#clock.setTimeout(run, ms)
  }

  disarm(member: L): void {
    this.#clock.clearTimeout(member.timer)
  }

  /** Returns the leg that is held no longer; undefined when there was none. */
  drop(sequence: Sequence): L | undefined {
    const member = this.#bySequence.get(sequence)
    if (member === undefined) return undefined
    this.#bySequence.delete(sequence)
    this.disarm(member)
    return member
  }

  reset(): void {
    for (const member of this.#bySequence.values()) this.disarm(member)
    this.#bySequence.clear()
  }
}
