/**
 * Requests of a decode engine that wait for a place in its KV cache: first come, first served, so that a large prompt at
 * the head holds up all behind it. No timeout here, as in a real engine.
 */

import type { RoomMember } from '../sequence/legs.ts'
import type { Sequence } from '../sequence/sequence.ts'
import type { Knobs } from '../settings/knobs.ts'
import type { KvPool } from './kv-pool.ts'

export class PreallocQueue<L extends RoomMember> {
  readonly #knobs: Knobs
  readonly #pool: KvPool
  readonly #admitted: (member: L) => void
  #queue: L[] = []
  /** Legs that have a place. */
  #active = 0
  #isPaused = false

  /** `admitted` is told of each leg that gets its place; its prompt is taken from the pool by then. */
  constructor(knobs: Knobs, pool: KvPool, admitted: (member: L) => void) {
    this.#knobs = knobs
    this.#pool = pool
    this.#admitted = admitted
  }

  add(member: L): void {
    this.#queue.push(member)
    this.admit()
  }

  remove(member: L): void {
    this.#queue = this.#queue.filter(one => one !== member)
  }

  /** The place is not given to the next one before `admit`. */
  free(): void {
    this.#active--
  }

  admit(): void {
    while (!this.#isPaused) {
      const member = this.#queue[0]
      if (member === undefined || !this.#fits(member.sequence)) return
      this.#queue.shift()
      this.#active++
      this.#pool.take(member.sequence, member.sequence.promptTokens)
      this.#admitted(member)
    }
  }

  pause(): void {
    this.#isPaused = true
  }

  /** What fits comes in at the next `admit`. */
  resume(): void {
    this.#isPaused = false
  }

  reset(): void {
    this.#queue = []
    this.#active = 0
    this.#isPaused = false
  }

  #fits(sequence: Sequence): boolean {
    const { maxRunning, reservedDecodeTokens, kvTokens } = this.#knobs
    if (this.#active >= maxRunning) return false
    const free = this.#pool.free - reservedDecodeTokens * this.#active
    // An empty engine takes what fits its cache at all: no later moment would be better.
    return free >= sequence.promptTokens + reservedDecodeTokens || (this.#active === 0 && free === kvTokens)
  }
}
