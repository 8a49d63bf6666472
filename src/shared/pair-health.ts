/**
 * Health of each pair of a prefill and a decode engine, that is of the KV transfer between them, shared by all threads.
 *
 * A pair that fails `failureThreshold` times, each within `windowSecs` of the one before and without a success between,
 * is avoided for `avoidSecs`; when it fails again after that, for twice as long, up to `maxAvoidSecs`. One success clears
 * its failures. The word of a pair:
 *
 *   bits 31..4  time of the last failure that counted, in units of 64 ms   bits 3..0  failures, 0 for a healthy pair
 */
import type { SharedMemory } from './layout.ts'

export interface PairHealthOptions {
  /** Failures in a row before the pair is avoided. */
  readonly failureThreshold: number
  /** Longest time between two of them. */
  readonly windowSecs: number
  readonly avoidSecs: number
  readonly maxAvoidSecs: number
}

const LEVEL_MASK = 15
const LEVEL_BITS = 4
const UNIT_MS = 64
const UNITS = 2 ** 28
/** The first cell counts the pairs with failures; the table of pairs follows. */
const FAILING = 0
const TABLE = 1

export class PairHealth {
  readonly #cells: Int32Array
  readonly #maxEngines: number
  readonly #options: PairHealthOptions

  constructor(memory: SharedMemory, options: PairHealthOptions) {
    this.#cells = new Int32Array(memory.links)
    this.#maxEngines = memory.maxEngines
    this.#options = options
  }

  /** Whether no pair has failures: one atomic load, usually the only one that is needed. */
  areAllUsable(): boolean {
    return Atomics.load(this.#cells, FAILING) <= 0
  }

  isAvoided(prefill: number, decode: number, nowMs: number): boolean {
    const word = Atomics.load(this.#cells, this.#indexOf(prefill, decode))
    return this.#isAvoided(word, nowMs)
  }

  /** Failures in a row that counted; 0 for a healthy pair. */
  failures(prefill: number, decode: number): number {
    return Atomics.load(this.#cells, this.#indexOf(prefill, decode)) & LEVEL_MASK
  }

  succeeded(prefill: number, decode: number): void {
    const index = this.#indexOf(prefill, decode)
    if (Atomics.load(this.#cells, index) !== 0) this.#clear(index)
  }

  /** `isLost`: one engine reports the other as dead, so the pair is avoided without waiting for more failures. */
  failed(prefill: number, decode: number, nowMs: number, isLost: boolean): void {
    const index = this.#indexOf(prefill, decode)
    const before = Atomics.load(this.#cells, index)
    // A request that was sent before the pair was avoided shows nothing new.
    if (this.#isAvoided(before, nowMs)) return
    const after = pack(this.#nextLevel(before, nowMs, isLost), nowMs)
    if (Atomics.compareExchange(this.#cells, index, before, after) !== before)
      return this.failed(prefill, decode, nowMs, isLost)
    if (before === 0) Atomics.add(this.#cells, FAILING, 1)
  }

  /** Clears all pairs of the engine, which is new in its slot or has recovered. */
  reset(slot: number): void {
    for (let partner = 0; partner < this.#maxEngines; partner++) {
      this.#clear(this.#indexOf(slot, partner))
      this.#clear(this.#indexOf(partner, slot))
    }
  }

  #nextLevel(word: number, nowMs: number, isLost: boolean): number {
    const { failureThreshold, windowSecs } = this.#options
    const level = word & LEVEL_MASK
    const memoryMs = windowSecs * 1000 + (level < failureThreshold ? 0 : this.#avoidMs(level))
    const isRecent = level > 0 && sinceMs(word, nowMs) <= memoryMs
    const next = isRecent ? Math.min(level + 1, LEVEL_MASK) : 1
    return isLost ? Math.max(next, failureThreshold) : next
  }

  #isAvoided(word: number, nowMs: number): boolean {
    const level = word & LEVEL_MASK
    return level >= this.#options.failureThreshold && sinceMs(word, nowMs) < this.#avoidMs(level)
  }

  #avoidMs(level: number): number {
    const { failureThreshold, avoidSecs, maxAvoidSecs } = this.#options
    return Math.min(avoidSecs * 2 ** (level - failureThreshold), maxAvoidSecs) * 1000
  }

  #clear(index: number): void {
    if (Atomics.exchange(this.#cells, index, 0) !== 0) Atomics.sub(this.#cells, FAILING, 1)
  }

  #indexOf(prefill: number, decode: number): number {
    return TABLE + prefill * this.#maxEngines + decode
  }
}

function pack(level: number, nowMs: number): number {
  return ((Math.floor(nowMs / UNIT_MS) % UNITS) << LEVEL_BITS) | level
}

/** Milliseconds since the time in `word`, modulo 198 days. */
function sinceMs(word: number, nowMs: number): number {
  const now = Math.floor(nowMs / UNIT_MS) % UNITS
  return ((now - (word >>> LEVEL_BITS) + UNITS) % UNITS) * UNIT_MS
}
