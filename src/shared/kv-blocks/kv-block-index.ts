/**
 * Which blocks of token ids each engine holds, as its KV events say: a hash table in shared memory, written by the control
 * thread and read by all router threads without locks. A reader may miss a block that is being written.
 *
 * An entry is one block of one engine, in one word: a hash of both, of which others choose the bucket. Buckets have 16
 * entries, a line of the processor's cache. A block for which its bucket has no room is not noted.
 *
 * Everything counts by target: a `slot` is that of an engine, or the number of one of its data-parallel ranks.
 */
import { KV_BUCKET_WORDS, KV_SLOT, KV_SLOT_FIELDS, type SharedMemory } from '../layout.ts'
import { bucketHash, type ChainState, tagHash } from './token-chain.ts'

/**
 * How much is known of an engine. `nothing`: its events do not arrive. `some`: events were missed, so it may hold more
 * than is noted. `all`: it holds what is noted, and nothing else.
 */
export type Knowledge = keyof typeof KNOWLEDGE

const KNOWLEDGE = { nothing: 0, some: 1, all: 2 } as const

export class KvBlockIndex {
  readonly #tags: Int32Array
  readonly #slots: Int32Array
  readonly #mask: number

  constructor({ kvBlocks, kvSlots }: SharedMemory) {
    this.#tags = new Int32Array(kvBlocks)
    this.#slots = new Int32Array(kvSlots)
    this.#mask = this.#tags.length / KV_BUCKET_WORDS - 1
  }

  /** Tokens of a block of the engine; 0 while nothing is known of it. */
  blockSize(slot: number): number {
    const base = slot * KV_SLOT_FIELDS
    const knowledge = Atomics.load(this.#slots, base + KV_SLOT.knowledge)
    return knowledge === KNOWLEDGE.nothing ? 0 : Atomics.load(this.#slots, base + KV_SLOT.blockSize)
  }

  /** Whether the engine holds nothing but what is noted. */
  isComplete(slot: number): boolean {
    return Atomics.load(this.#slots, slot * KV_SLOT_FIELDS + KV_SLOT.knowledge) === KNOWLEDGE.all
  }

  /** Whether it is noted that the engine holds the block that ends with this state of the chain. */
  has(slot: number, { a, b }: ChainState): boolean {
    return this.#find(bucketHash(a, b, slot), tagHash(a, b, slot)) >= 0
  }

  /** Control thread only, as all that follows. @returns `false` if there is no room. */
  add(slot: number, { a, b }: ChainState): boolean {
    const bucket = bucketHash(a, b, slot)
    const cell = this.#find(bucket, 0)
    if (cell < 0) return false
    this.#tags[cell] = tagHash(a, b, slot)
    return true
  }

  remove(slot: number, { a, b }: ChainState): void {
    const cell = this.#find(bucketHash(a, b, slot), tagHash(a, b, slot))
    if (cell >= 0) this.#tags[cell] = 0
  }

  setKnowledge(slot: number, knowledge: Knowledge, blockSize: number): void {
    const base = slot * KV_SLOT_FIELDS
    Atomics.store(this.#slots, base + KV_SLOT.blockSize, blockSize)
    Atomics.store(this.#slots, base + KV_SLOT.knowledge, KNOWLEDGE[knowledge])
  }

  /** Forgets everything, because the control thread that has noted it is gone. */
  clear(): void {
    this.#slots.fill(0)
    this.#tags.fill(0)
  }

  #find(bucket: number, tag: number): number {
    const first = (bucket & this.#mask) * KV_BUCKET_WORDS
    for (let cell = first; cell < first + KV_BUCKET_WORDS; cell++) if (this.#tags[cell] === tag) return cell
    return -1
  }
}
