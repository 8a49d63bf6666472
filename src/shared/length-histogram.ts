/**
 * How long recent prompts are, and how many bytes prompts of each length add up to; shared by all router threads. Counts
 * are halved at an interval, so that they follow the traffic, but not before enough prompts have been noted since: a fleet
 * that was idle remembers what its prompts are like.
 */
import { LENGTH_BINS, LENGTHS, type SharedMemory } from './layout.ts'

/** Prompts to be noted before the earlier ones count for half. */
const MIN_NOTED = 64
/** Bins count in units of this many bytes, so that they do not overflow. */
const UNIT_BYTES = 256
const BINS_PER_OCTAVE_BITS = 2

export class LengthHistogram {
  readonly #cells: Int32Array
  readonly #intervalSecs: number

  /** `intervalSecs`: after which counts are halved. */
  constructor({ lengths }: SharedMemory, intervalSecs: number) {
    this.#cells = new Int32Array(lengths)
    this.#intervalSecs = intervalSecs
  }

  /** An engine gets a prompt of this length. `second`: of the process clock. */
  note(bytes: number, second: number): void {
    this.#age(second)
    Atomics.add(this.#cells, LENGTHS.noted, 1)
    Atomics.add(this.#cells, LENGTHS.bins + binOf(bytes), Math.ceil((bytes + 1) / UNIT_BYTES))
  }

  /**
   * The share, 0 to 1, of all bytes of recent prompts that belong to shorter ones, plus the share `chance` of those that
   * belong to prompts of about this length. `chance` itself if nothing is known.
   */
  shareBelow(bytes: number, chance: number): number {
    const cells = this.#cells
    const own = LENGTHS.bins + binOf(bytes)
    let [below, total] = [0, 0]
    for (let cell = LENGTHS.bins; cell < LENGTHS.bins + LENGTH_BINS; cell++) {
      const units = cells[cell] ?? 0
      if (cell < own) below += units
      total += units
    }
    return total === 0 ? chance : (below + chance * (cells[own] ?? 0)) / total
  }

  /** Of the threads that notice the end of an interval one halves the counts. */
  #age(second: number): void {
    const cells = this.#cells
    const last = Atomics.load(cells, LENGTHS.second)
    if (second - last < this.#intervalSecs || Atomics.load(cells, LENGTHS.noted) < MIN_NOTED) return
    if (Atomics.compareExchange(cells, LENGTHS.second, last, second) !== last) return
    Atomics.store(cells, LENGTHS.noted, 0)
    for (let cell = LENGTHS.bins; cell < LENGTHS.bins + LENGTH_BINS; cell++)
      Atomics.sub(cells, cell, Atomics.load(cells, cell) >>> 1)
  }
}

/** Longer prompts have a higher bin; four bins to each doubling. */
function binOf(bytes: number): number {
  if (bytes < 2 ** BINS_PER_OCTAVE_BITS) return bytes
  const octave = 31 - Math.clz32(bytes)
  const part = (bytes >>> (octave - BINS_PER_OCTAVE_BITS)) & (2 ** BINS_PER_OCTAVE_BITS - 1)
  return Math.min(LENGTH_BINS - 1, (octave << BINS_PER_OCTAVE_BITS) + part)
}
