/**
 * The sequences of a PD engine with the bootstrap room that each has joined, and at most one timer each.
 *
 * The states of a member, and what is released when it leaves, are up to the scheduler.
 */
import type { SimClock, TimerHandle } from '../clock/clock.ts'
import type { Sequence } from '../sequence/sequence.ts'

/** A sequence in its bootstrap room. */
export interface RoomMember {
  readonly sequence: Sequence
  timer: TimerHandle | undefined
}

export class RoomMembers<M extends RoomMember> {
  readonly #clock: SimClock
  readonly #bySequence = new Map<Sequence, M>()

  constructor(clock: SimClock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#bySequence.size
  }

  add(member: M): void {
    this.#bySequence.set(member.sequence, member)
  }

  find(sequence: Sequence): M | undefined {
    return this.#bySequence.get(sequence)
  }

  all(): Iterable<M> {
    return this.#bySequence.values()
  }

  /** Starts the timer of the member: calls `run` after `ms` unless the member has been removed by then. */
  arm(member: M, ms: number, run: () => void): void {
    member.timer = this.#clock.setTimeout(run, ms)
  }

  disarm(member: M): void {
    this.#clock.clearTimeout(member.timer)
  }

  /** Removes the member and stops its timer. Returns undefined if there was none. */
  drop(sequence: Sequence): M | undefined {
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
