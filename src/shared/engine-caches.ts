/**
 * What each engine has computed and is computing of prompts, and how much of it its KV cache is believed to remember;
 * shared by all router threads. Of two threads that learn something at the same time one is lost, and the next report
 * puts it right.
 *
 * Everything counts by target: a `slot` is that of an engine, or the number of one of its data-parallel ranks.
 */
import { MAX_RANKS } from '../core/engine.ts'
import { CACHE, CACHE_FIELDS, type SharedMemory, targetOf, targetsOf } from './layout.ts'

/** In bytes of prompts; see `policy/cache-window.ts`. */
export interface CacheCells {
  readonly window: number
  readonly capacity: number
  readonly longestHit: number
}

/** In bytes, until less is learned. Ages repeat after 256 MiB, and what is older than the window must not seem newer. */
const MAX_WINDOW = 201_326_592

const HALF_LIFE_SECS = 20
/** What a cell can hold. */
const MAX_RECENT = 2 ** 31 - 1

/** An age is the number of bytes that the engine has computed, rounded down to 4 KiB, of which 16 bits are kept. */
const AGE_SHIFT = 12
const AGE_MASK = 0xffff

export class EngineCaches {
  readonly #cells: Int32Array
  readonly #work: Int32Array
  readonly #maxEngines: number
  readonly #targets: number
  readonly #maxThreads: number

  constructor(memory: SharedMemory) {
    this.#cells = new Int32Array(memory.caches)
    this.#work = new Int32Array(memory.prefillWork)
    this.#maxEngines = memory.maxEngines
    this.#targets = targetsOf(memory.maxEngines)
    this.#maxThreads = memory.maxThreads
  }

  /** The engine has begun to compute `bytes` of a prompt. `second`: of the process clock. */
  computed(slot: number, bytes: number, second: number): void {
    const base = slot * CACHE_FIELDS
    Atomics.add(this.#cells, base + CACHE.computed, bytes)
    const { window, capacity } = this.read(slot)
    this.#noteRecent(slot, bytes, second)
    if (window < capacity) Atomics.store(this.#cells, base + CACHE.window, Math.min(capacity, window + bytes))
  }

  /** Bytes that the engine has computed lately: half of what was computed 20 s ago, a quarter of what was 40 s ago, and so on. */
  recent(slot: number, second: number): number {
    const base = slot * CACHE_FIELDS
    const elapsed = second - Atomics.load(this.#cells, base + CACHE.second)
    return Atomics.load(this.#cells, base + CACHE.recent) * 0.5 ** Math.max(0, elapsed / HALF_LIFE_SECS)
  }

  /** In units of 4 KiB, 0 to 65,535, after which it begins again at 0. */
  age(slot: number): number {
    return (Atomics.load(this.#cells, slot * CACHE_FIELDS + CACHE.computed) >>> AGE_SHIFT) & AGE_MASK
  }

  /** Bytes that the engine has computed since it was of that age, at least: up to 8 KiB less than in truth. */
  bytesSince(slot: number, age: number): number {
    const units = (this.age(slot) - age) & AGE_MASK
    return Math.max(0, units - 1) << AGE_SHIFT
  }

  /** Whether the engine is believed to remember what it used at that age. */
  remembers(slot: number, age: number): boolean {
    return this.bytesSince(slot, age) <= Atomics.load(this.#cells, slot * CACHE_FIELDS + CACHE.window)
  }

  read(slot: number): CacheCells {
    const base = slot * CACHE_FIELDS
    return {
      window: Atomics.load(this.#cells, base + CACHE.window),
      capacity: Atomics.load(this.#cells, base + CACHE.capacity) || MAX_WINDOW,
      longestHit: Atomics.load(this.#cells, base + CACHE.longestHit),
    }
  }

  write(slot: number, { window, capacity, longestHit }: CacheCells): void {
    const base = slot * CACHE_FIELDS
    Atomics.store(this.#cells, base + CACHE.window, Math.min(MAX_WINDOW, window))
    Atomics.store(this.#cells, base + CACHE.capacity, Math.min(MAX_WINDOW, capacity))
    Atomics.store(this.#cells, base + CACHE.longestHit, Math.min(MAX_WINDOW, longestHit))
  }

  /** The engine is another one, or has been restarted: none of its ranks remembers anything. */
  forget(slot: number): void {
    for (let rank = 0; rank < MAX_RANKS; rank++)
      this.write(targetOf(slot, rank, this.#maxEngines), { window: 0, capacity: MAX_WINDOW, longestHit: 0 })
  }

  /** Bytes of prompts that the engine has still to compute, over all threads. */
  work(slot: number): number {
    let sum = 0
    for (let row = 0; row < this.#maxThreads; row++)
      sum += Atomics.load(this.#work, row * this.#targets + slot)
    return sum
  }

  /** Adds `bytes`, which may be negative, to what the engine has to compute for `thread`. */
  addWork(thread: number, slot: number, bytes: number): void {
    Atomics.add(this.#work, thread * this.#targets + slot, bytes)
  }

  /** Removes the work of a thread that has died. */
  clearThread(thread: number): void {
    this.#work.fill(0, thread * this.#targets, (thread + 1) * this.#targets)
  }

  #noteRecent(slot: number, bytes: number, second: number): void {
    const recent = Math.min(MAX_RECENT, this.recent(slot, second) + bytes)
    const base = slot * CACHE_FIELDS
    Atomics.store(this.#cells, base + CACHE.recent, recent)
    Atomics.store(this.#cells, base + CACHE.second, second)
  }
}
