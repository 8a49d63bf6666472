/** Heartbeats of the router threads: each increments its own cell as long as its event loop runs. */
import type { SharedMemory } from './layout.ts'

export class Heartbeats {
  readonly #cells: Int32Array

  constructor(memory: SharedMemory) {
    this.#cells = new Int32Array(memory.beats)
  }

  /** Called by the thread itself only. */
  beat(thread: number): void {
    Atomics.add(this.#cells, thread, 1)
  }

  /** Beats so far; wraps around. A thread that replaces another continues its count. */
  beatsOf(thread: number): number {
    return Atomics.load(this.#cells, thread)
  }
}

/** Interval at which a thread beats and is checked: five times within `stallMs`, and at least once a second. */
export function beatEveryMs(stallMs: number): number {
  return Math.min(1000, Math.ceil(stallMs / 5))
}
