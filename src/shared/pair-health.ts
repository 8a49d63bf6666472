/**
 * How well the KV cache travels from each prefill to each decode engine, as seen by all threads.
 *
 * A link that fails `failureThreshold` times within `windowSecs` of each other, without a success between, is avoided for `avoidSecs`;
 * when it fails again after that, for twice as long, up to `maxAvoidSecs`. One success makes it whole.
 *
 *   bits 31..4  moment of the last failure that counted, in units of 64 ms   bits 3..0  failures, 0 for a whole link
 */
import type { SharedMemory } from './layout.ts'

export interface PairHealthOptions {
  readonly failureThreshold: number
  readonly windowSecs: number
  readonly avoidSecs: number
  readonly maxAvoidSecs: number
}

const LEVEL_MASK = 15
const LEVEL_BITS = 4
const UNIT_MS = 64
const UNITS = 2 ** 28
/** The first cell counts the links that are not whole; the table follows. */
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

  /** One atomic load: while every link is whole no other needs to be looked at. */
  areAllUsable(): boolean {
    return Atomics.load(this.#cells, FAILING) <= 0
  }

  isAvoided(prefill: number, decode: number, nowMs: number): boolean {
    const word = Atomics.load(this.#cells, this.#at(prefill, decode))
    return this.#isAvoided(word, nowMs)
  }

  /** Failures in a row that counted, 0 for a whole link. */
  failures(prefill: number, decode: number): number {
    return Atomics.load(this.#cells, this.#at(prefill, decode)) & LEVEL_MASK
  }

  succeeded(prefill: number, decode: number): void {
    const at = this.#at(prefill, decode)
    if (Atomics.load(this.#cells, at) !== 0) this.#clear(at)
  }

  /** `isDead`: the engines say that they have lost each other, so that another failure need not be waited for. */
  failed(prefill: number, decode: number, nowMs: number, isDead: boolean): void {
    const at = this.#at(prefill, decode)
    const before = Atomics.load(this.#cells, at)
    // What was sent before the link was avoided says nothing new.
    if (this.#isAvoided(before, nowMs)) return
    const after = pack(this.#nextLevel(before, nowMs, isDead), nowMs)
    if (Atomics.compareExchange(this.#cells, at, before, after) !== before)
      return this.failed(prefill, decode, nowMs, isDead)
    if (before === 0) Atomics.add(this.#cells, FAILING, 1)
  }

  /** All links of the engine are whole: it is new in its slot, or has come back. */
  reset(slot: number): void {
    for (let other = 0; other < this.#maxEngines; other++) {
      this.#clear(this.#at(slot, other))
      this.#clear(this.#at(other, slot))
    }
  }

  #nextLevel(word: number, nowMs: number, isDead: boolean): number {
    const { failureThreshold, windowSecs } = this.#options
    const level = word & LEVEL_MASK
    const memoryMs = windowSecs * 1000 + (level < failureThreshold ? 0 : this.#avoidMs(level))
    const isRecent = level > 0 && sinceMs(word, nowMs) <= memoryMs
    const next = isRecent ? Math.min(level + 1, LEVEL_MASK) : 1
    return isDead ? Math.max(next, failureThreshold) : next
  }

  #isAvoided(word: number, nowMs: number): boolean {
    const level = word & LEVEL_MASK
    return level >= this.#options.failureThreshold && sinceMs(word, nowMs) < this.#avoidMs(level)
  }

  #avoidMs(level: number): number {
    const { failureThreshold, avoidSecs, maxAvoidSecs } = this.#options
    return Math.min(avoidSecs * 2 ** (level - failureThreshold), maxAvoidSecs) * 1000
  }

  #clear(at: number): void {
    if (Atomics.exchange(this.#cells, at, 0) !== 0) Atomics.sub(this.#cells, FAILING, 1)
  }

  #at(prefill: number, decode: number): number {
    return TABLE + prefill * this.#maxEngines + decode
  }
}

function pack(level: number, nowMs: number): number {
  return ((Math.floor(nowMs / UNIT_MS) % UNITS) << LEVEL_BITS) | level
}

/** Modulo 198 days. */
function sinceMs(word: number, nowMs: number): number {
  const now = Math.floor(nowMs / UNIT_MS) % UNITS
  return ((now - (word >>> LEVEL_BITS) + UNITS) % UNITS) * UNIT_MS
}
