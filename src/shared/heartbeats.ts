/** Signs of life of the router threads: each advances a cell of its own for as long as its event loop turns. */
import type { SharedMemory } from './layout.ts'

export class Heartbeats {
  readonly #cells: Int32Array

  constructor(memory: SharedMemory) {
    this.#cells = new Int32Array(memory.beats)
  }

  /** The thread itself only. */
  beat(thread: number): void {
    Atomics.add(this.#cells, thread, 1)
  }

  /** Grows from beat to beat, wraps around; a successor in the row goes on counting. */
  beatsOf(thread: number): number {
    return Atomics.load(this.#cells, thread)
  }
}

/** How often a thread beats, and is looked at: several times before it counts as stalled. */
export function beatEveryMs(stallMs: number): number {
  return Math.min(1000, Math.ceil(stallMs / 5))
}
