/**
 * How many exchanges of each router thread wait for room on engines, although they hold a permit: the main thread may
 * start others besides them.
 */
import { type SharedMemory, WAITING_FIELDS } from './layout.ts'

/** Numbers of exchanges. */
export interface Waiting {
  /** Exchanges of which nothing runs. */
  readonly whole: number
  /** Exchanges of several prompts or samples, some of which may run. They take turns with all others. */
  readonly sampled: number
}

export class WaitingCounts {
  readonly #cells: Int32Array

  constructor(memory: SharedMemory) {
    this.#cells = new Int32Array(memory.waiting)
  }

  /** Called by the thread itself. */
  set(thread: number, { whole, sampled }: Waiting): void {
    Atomics.store(this.#cells, thread * WAITING_FIELDS, whole)
    Atomics.store(this.#cells, thread * WAITING_FIELDS + 1, sampled)
  }

  /** Over all threads. */
  total(): Waiting {
    let [whole, sampled] = [0, 0]
    for (let cell = 0; cell < this.#cells.length; cell += WAITING_FIELDS) {
      whole += Atomics.load(this.#cells, cell)
      sampled += Atomics.load(this.#cells, cell + 1)
    }
    return { whole, sampled }
  }
}
