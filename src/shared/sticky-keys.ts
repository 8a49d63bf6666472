/**
 * Which engine each routing key was given to: a hash table in shared memory, written and read by all router threads
 * without locks. It is bounded: a full bucket forgets the key that was not used for longest. Four entries of 3 words make
 * up a bucket, which the key chooses:
 *
 *   0   the key; 0 for an empty entry
 *   1   second in which it was last used, on the process clock
 *   2   the target, bits 31..16 number + 1, bits 15..0 the engine's generation; combined with the key by XOR
 *
 * Of two threads that write the same entry at the same time one may leave its key with the other's engine. The XOR makes
 * that an engine that does not exist, so that the key is given to one again.
 */
import { mix } from '../core/random.ts'
import type { EngineSlots } from './engine-slots.ts'
import { type SharedMemory, STICKY, STICKY_ENTRIES, STICKY_WORDS } from './layout.ts'

const BUCKET_WORDS = STICKY_ENTRIES * STICKY_WORDS
const SLOT_SHIFT = 16
const GENERATION_MASK = 0xffff

export interface StickyKeysOptions {
  readonly slots: Pick<EngineSlots, 'generation' | 'health'>
  /** A key that was not used for so long, in seconds, is forgotten. */
  readonly maxIdleSecs: number
  /** On the process clock. */
  readonly nowMs: () => number
}

export class StickyKeys {
  readonly #words: Int32Array
  readonly #mask: number
  readonly #maxEngines: number
  readonly #options: StickyKeysOptions

  constructor({ sticky, maxEngines }: SharedMemory, options: StickyKeysOptions) {
    this.#words = new Int32Array(sticky)
    this.#mask = this.#words.length / BUCKET_WORDS - 1
    this.#options = options
    this.#maxEngines = maxEngines
  }

  /** The slot of the engine, or the number of the rank, that has the key, which counts as used now; -1 if none has it, or the engine is being removed. */
  slotOf(key: number): number {
    const entry = this.#find(key | 0 || 1)
    if (entry < 0) return -1
    const second = this.#second()
    if (second - (this.#words[entry + STICKY.used] ?? 0) > this.#options.maxIdleSecs) return -1
    const slot = this.#holderOf(entry)
    if (slot >= 0) this.#words[entry + STICKY.used] = second
    return slot
  }

  assign(key: number, slot: number): void {
    const word = key | 0 || 1
    const found = this.#find(word)
    const entry = found < 0 ? this.#oldestOf(word) : found
    const generation = this.#options.slots.generation(slot % this.#maxEngines) & GENERATION_MASK
    this.#words[entry + STICKY.holder] = (((slot + 1) << SLOT_SHIFT) | generation) ^ word
    this.#words[entry + STICKY.key] = word
    this.#words[entry + STICKY.used] = this.#second()
  }

  #holderOf(entry: number): number {
    const holder = (this.#words[entry + STICKY.holder] ?? 0) ^ (this.#words[entry + STICKY.key] ?? 0)
    const slot = (holder >>> SLOT_SHIFT) - 1
    if (slot < 0) return -1
    const { slots } = this.#options
    const engineSlot = slot % this.#maxEngines
    const isKept =
      (slots.generation(engineSlot) & GENERATION_MASK) === (holder & GENERATION_MASK) &&
      slots.health(engineSlot) !== 'draining'
    return isKept ? slot : -1
  }

  #find(word: number): number {
    const bucket = this.#bucketOf(word)
    for (let entry = bucket; entry < bucket + BUCKET_WORDS; entry += STICKY_WORDS)
      if (this.#words[entry + STICKY.key] === word) return entry
    return -1
  }

  /** The entry of the bucket that was not used for longest; an empty one was never used. */
  #oldestOf(word: number): number {
    const bucket = this.#bucketOf(word)
    let oldest = bucket
    for (let entry = bucket; entry < bucket + BUCKET_WORDS; entry += STICKY_WORDS)
      if ((this.#words[entry + STICKY.used] ?? 0) < (this.#words[oldest + STICKY.used] ?? 0)) oldest = entry
    return oldest
  }

  #bucketOf(word: number): number {
    return (mix(word) & this.#mask) * BUCKET_WORDS
  }

  #second(): number {
    return Math.floor(this.#options.nowMs() / 1000)
  }
}
