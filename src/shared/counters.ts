/** Counters that all threads advance together: the cursors of round-robin. */
import { COUNTER, type SharedMemory } from './layout.ts'

export type CounterName = keyof typeof COUNTER

export class SharedCounters {
  readonly #cells: Int32Array

  constructor(memory: SharedMemory) {
    this.#cells = new Int32Array(memory.counters)
  }

  /** The next number, 0 or more; wraps around after 2^31. */
  next(name: CounterName): number {
    return Atomics.add(this.#cells, COUNTER[name], 1) & 0x7fff_ffff
  }
}
