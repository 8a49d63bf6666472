/**
 * What each engine has computed and is computing of prompts, and how much of it its KV cache is believed to remember;
 * shared by all router threads. Of two threads that learn something at the same time one is lost, and the next report
 * puts it right. So only sums that must not lose anything are kept with atomic operations, which are calls (8 ns each in
 * V8 13.6) where plain reads and writes are single instructions: a value may be a moment old, but never half of one.
 *
 * Everything counts by target: a `slot` is that of an engine, or the number of one of its data-parallel ranks.
 */
import { MAX_RANKS } from '../core/engine.ts'
import { CACHE, CACHE_FIELDS, type SharedMemory, targetOf, targetsOf } from './layout.ts'

/**
 * How a prediction of what an engine has cached turned out to be wrong:
 *   evicted     less of the prompt was cached than expected
 *   lost        nothing was, although older prefixes had been found: the engine has lost its cache (flush, restart)
 *   unexpected  more was cached than expected: others use the engine, too, or it remembers more than was known
 *   away        a probe had failed and the engine is back, so nothing is expected of its cache any more
 */
export const CACHE_CORRECTIONS = ['evicted', 'lost', 'unexpected', 'away'] as const

export type CacheCorrection = (typeof CACHE_CORRECTIONS)[number]

/** In bytes of prompts; see `policy/cache-window.ts`. */
export interface CacheCells {
  readonly window: number
  readonly capacity: number
  readonly longestHit: number
}

/** The latest correction of what was believed of an engine's cache. */
export interface LatestCorrection {
  readonly kind: CacheCorrection
  readonly secsAgo: number
}

/** Of a cache of which no less is known, in bytes. Ages repeat after 256 MiB, and what is older than the window must not seem newer. */
export const MAX_WINDOW = 201_326_592

const HALF_LIFE_SECS = 20
/** The share of what was computed that still counts, by its age in seconds. Older work counts for next to nothing. */
const LEFT_AFTER_SECS = Array.from(
  { length: 32 * HALF_LIFE_SECS },
  (_, secs) => 0.5 ** (secs / HALF_LIFE_SECS),
)
/** What a cell can hold. */
const MAX_RECENT = 2 ** 31 - 1

/** An age is the number of bytes that the engine has computed, rounded down to 4 KiB, of which 16 bits are kept. */
const AGE_SHIFT = 12
const AGE_MASK = 0xffff
/** By this much an age may be smaller than in truth, in bytes; see `bytesSince`. */
const AGE_SLACK = 2 << AGE_SHIFT

export class EngineCaches {
  readonly #cells: Int32Array
  readonly #work: Int32Array
  readonly #maxEngines: number
  readonly #targets: number
  readonly #maxThreads: number

  constructor(memory: SharedMemory) {
    this.#cells = new Int32Array(memory.caches)
    this.#work = new Int32Array(memory.promptWork)
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
    if (window < capacity) this.#cells[base + CACHE.window] = Math.min(capacity, window + bytes)
  }

  /** Bytes that the engine has computed lately: half of what was computed 20 s ago, a quarter of what was 40 s ago, and so on. */
  recent(slot: number, second: number): number {
    const base = slot * CACHE_FIELDS
    const elapsed = second - this.#cell(base + CACHE.second)
    const recent = this.#cell(base + CACHE.recent)
    return elapsed <= 0 ? recent : recent * (LEFT_AFTER_SECS[elapsed] ?? 0)
  }

  /** Bytes that the engine has computed since the gateway started. After 4 GiB it begins again at 0. */
  computedBytes(slot: number): number {
    return this.#cell(slot * CACHE_FIELDS + CACHE.computed) >>> 0
  }

  /** In units of 4 KiB, 0 to 65,535, after which it begins again at 0. */
  age(slot: number): number {
    return (this.#cell(slot * CACHE_FIELDS + CACHE.computed) >>> AGE_SHIFT) & AGE_MASK
  }

  /** Bytes that the engine has computed since it was of that age, at least: up to 8 KiB less than in truth. */
  bytesSince(slot: number, age: number): number {
    const units = (this.age(slot) - age) & AGE_MASK
    return Math.max(0, units - 1) << AGE_SHIFT
  }

  /** Whether the engine is believed to remember what it used at that age. */
  remembers(slot: number, age: number): boolean {
    return this.bytesSince(slot, age) <= this.window(slot)
  }

  /** What `read` says of it, alone. */
  window(slot: number): number {
    return this.#cell(slot * CACHE_FIELDS + CACHE.window)
  }

  read(slot: number): CacheCells {
    const base = slot * CACHE_FIELDS
    return {
      window: this.#cell(base + CACHE.window),
      capacity: this.#cell(base + CACHE.capacity) || MAX_WINDOW,
      longestHit: this.#cell(base + CACHE.longestHit),
    }
  }

  write(slot: number, { window, capacity, longestHit }: CacheCells): void {
    const base = slot * CACHE_FIELDS
    this.#cells[base + CACHE.window] = Math.min(MAX_WINDOW, window)
    this.#cells[base + CACHE.capacity] = Math.min(MAX_WINDOW, capacity)
    this.#cells[base + CACHE.longestHit] = Math.min(MAX_WINDOW, longestHit)
  }

  /** The engine is another one, is back, or has flushed its cache: none of its ranks remembers anything. */
  forget(slot: number): void {
    for (let rank = 0; rank < MAX_RANKS; rank++) this.forgetOne(targetOf(slot, rank, this.#maxEngines))
    this.#cells[slot * CACHE_FIELDS + CACHE.namesCached] = 0
  }

  /** The cache of the engine, or of the one rank that has this number, is empty. */
  forgetOne(slot: number): void {
    this.write(slot, { window: 0, capacity: MAX_WINDOW, longestHit: 0 })
    // Ages are rounded, and nothing from before may seem to be as new as what comes next.
    if (this.computedBytes(slot) > 0)
      Atomics.add(this.#cells, slot * CACHE_FIELDS + CACHE.computed, AGE_SLACK)
    this.#cells[slot * CACHE_FIELDS + CACHE.correction] = 0
  }

  /** The `usage` of a response has shown cached tokens, which only an engine does that was started to report them. */
  noteNamesCached(slot: number): void {
    this.#cells[slot * CACHE_FIELDS + CACHE.namesCached] = 1
  }

  /** Whether the engine in the slot, on any of its ranks, has done so since it was new or back. */
  namesCached(slot: number): boolean {
    return this.#cell(slot * CACHE_FIELDS + CACHE.namesCached) !== 0
  }

  /** What was believed of the engine's cache was wrong. `second`: of the process clock. */
  noteCorrection(slot: number, kind: CacheCorrection, second: number): void {
    const base = slot * CACHE_FIELDS
    this.#cells[base + CACHE.correctedSecond] = second
    this.#cells[base + CACHE.correction] = CACHE_CORRECTIONS.indexOf(kind) + 1
  }

  /** `undefined` if there was none since the engine was forgotten. */
  latestCorrection(slot: number, second: number): LatestCorrection | undefined {
    const base = slot * CACHE_FIELDS
    const kind = CACHE_CORRECTIONS[this.#cell(base + CACHE.correction) - 1]
    const correctedSecond = this.#cell(base + CACHE.correctedSecond)
    return kind && { kind, secsAgo: Math.max(0, second - correctedSecond) }
  }

  /**
   * Bytes of prompts that the engine has still to compute, over all threads; of a decode engine, of those whose KV caches it
   * holds or waits for. The cells hold 2 GiB for each thread, more than any KV cache.
   */
  work(slot: number): number {
    let sum = 0
    for (let row = 0; row < this.#maxThreads; row++) sum += this.#work[row * this.#targets + slot] ?? 0
    return sum
  }

  /** Adds `bytes`, which may be negative, to what the engine has to compute for `thread`. */
  addWork(thread: number, slot: number, bytes: number): void {
    Atomics.add(this.#work, thread * this.#targets + slot, bytes)
  }

  /** The engine has `bytes` more to compute for `thread`, until the result is called. Further calls of that do nothing. */
  holdWork(thread: number, slot: number, bytes: number): () => void {
    this.addWork(thread, slot, bytes)
    let isHeld = true
    return () => {
      if (isHeld) this.addWork(thread, slot, -bytes)
      isHeld = false
    }
  }

  /** Removes the work of a thread that has died. */
  clearThread(thread: number): void {
    this.#work.fill(0, thread * this.#targets, (thread + 1) * this.#targets)
  }

  #cell(index: number): number {
    return this.#cells[index] ?? 0
  }

  #noteRecent(slot: number, bytes: number, second: number): void {
    const recent = Math.min(MAX_RECENT, this.recent(slot, second) + bytes)
    const base = slot * CACHE_FIELDS
    this.#cells[base + CACHE.recent] = recent
    this.#cells[base + CACHE.second] = second
  }
}
