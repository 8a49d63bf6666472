/**
 * The requests of a decode engine that wait for its KV cache: first in, first out, so that a large prompt at the head
 * blocks all others. There is no timeout, as in SGLang (2026-07).
 */

import type { Sequence } from '../sequence/sequence.ts'
import type { Knobs } from '../settings/knobs.ts'
import type { RoomMember } from '../transfer/room-members.ts'
import type { KvPool } from './kv-pool.ts'

export class PreallocQueue<M extends RoomMember> {
  readonly #knobs: Knobs
  readonly #pool: KvPool
  readonly #admitted: (member: M) => void
  #queue: M[] = []
  /** Number of members that have been admitted and not freed. */
  #active = 0
  #paused = false

  /** `admitted` is called for each member that fits, after its prompt has been taken from the pool. */
  constructor(knobs: Knobs, pool: KvPool, admitted: (member: M) => void) {
    this.#knobs = knobs
    this.#pool = pool
    this.#admitted = admitted
  }

  add(member: M): void {
    this.#queue.push(member)
    this.admit()
  }

  remove(member: M): void {
    this.#queue = this.#queue.filter(queued => queued !== member)
  }

  /** Called when an admitted member has left. The next one is admitted only when `admit` is called. */
  free(): void {
    this.#active--
  }

  admit(): void {
    while (!this.#paused) {
      const member = this.#queue[0]
      if (member === undefined || !this.#fits(member.sequence)) return
      this.#queue.shift()
      this.#active++
      this.#pool.take(member.sequence, member.sequence.promptTokens)
      this.#admitted(member)
    }
  }

  pause(): void {
    this.#paused = true
  }

  /** Allows admission again; `admit` must be called to admit those that fit. */
  resume(): void {
    this.#paused = false
  }

  reset(): void {
    this.#queue = []
    this.#active = 0
    this.#paused = false
  }

  #fits(sequence: Sequence): boolean {
    const { maxRunning, reservedDecodeTokens, kvTokens } = this.#knobs
    if (this.#active >= maxRunning) return false
    const free = this.#pool.free - reservedDecodeTokens * this.#active
    // An idle engine admits whatever fits into its whole KV cache, because no more can become free.
    return free >= sequence.promptTokens + reservedDecodeTokens || (this.#active === 0 && free === kvTokens)
  }
}
