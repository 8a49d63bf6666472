/** Counters that all threads increment: the cursors of the round-robin policy. */
import { COUNTER, type SharedMemory } from './layout.ts'

export type CounterName = keyof typeof COUNTER

export class SharedCounters {
  readonly #cells: Int32Array

  constructor(memory: SharedMemory) {
    this.#cells = new Int32Array(memory.counters)
  }

  /** Returns the next number, from 0 to 2^31 - 1, then 0 again. */
  next(name: CounterName): number {
    return Atomics.add(this.#cells, COUNTER[name], 1) & 0x7fff_ffff
  }
}
