/**
 * Which engines hold which beginnings of prompts in their KV caches, as far as the gateway knows: a hash table of prompt
 * blocks in shared memory, written and read by all router threads without locks. It is approximate: threads that write
 * the same entry at the same time may lose one of their notes, and a full bucket forgets the block that was not used for
 * longest. What it says is a guess.
 *
 * A block is found by its bucket, which its key chooses, and its tag. Four entries of 8 words make up a
 * bucket:
 *
 *   0      tag; 0 for an empty entry
 *   1      second in which the block was last used, on the process clock
 *   2..7   targets that hold it, the latest first:  bits 31..16 number + 1   bits 15..0 the target's age at its last use
 *
 * Engines evict what was not used for longest, so what counts is how much an engine has computed since it used the block:
 * its age (see engine-caches.ts) now, less its age then.
 */
import { PREFIX, PREFIX_ENTRIES, PREFIX_WORDS, type SharedMemory } from './layout.ts'

const BUCKET_WORDS = PREFIX_WORDS * PREFIX_ENTRIES
const AGE_BITS = 16
const AGE_MASK = 0xffff

/** Blocks of one prompt; the lists have one element per block. A tag is never 0, which stands for an empty entry. */
export interface IndexedBlocks {
  readonly keys: readonly number[]
  readonly tags: readonly number[]
}

/** Whether an engine that used a block at this age is likely to hold it still. */
interface Memory {
  remembers(slot: number, age: number): boolean
}

/** Which beginning of a prompt each target has, by its number. Made once, and filled by each `PrefixIndex.count`. */
export class PrefixHolders {
  /** Number of blocks from the beginning on, without a gap, that the target has used at any time. */
  readonly used: Uint16Array
  /** The target's age when it last used the last of them. */
  readonly usedAges: Uint16Array
  /** Number of blocks from the beginning on that the target is likely to hold still, at most those in `used`. */
  readonly held: Uint16Array
  /** The target's age when it last used the last of them. */
  readonly heldAges: Uint16Array

  /** `targets`: all numbers of targets are smaller. */
  constructor(targets: number) {
    this.used = new Uint16Array(targets)
    this.usedAges = new Uint16Array(targets)
    this.held = new Uint16Array(targets)
    this.heldAges = new Uint16Array(targets)
  }
}

/** Blocks that had to make room for others. */
export interface Displaced {
  readonly blocks: number
  /** Sum over the blocks of the seconds since each was last used. */
  readonly idleSecs: number
}

export class PrefixIndex {
  readonly #words: Int32Array
  readonly #mask: number
  readonly #use: Int32Array
  /** Of the latest `note`. */
  readonly #displaced = { blocks: 0, idleSecs: 0 }
  #filled = 0

  constructor({ prefixes, prefixUse }: SharedMemory) {
    this.#use = new Int32Array(prefixUse)
    this.#words = new Int32Array(prefixes)
    this.#mask = this.#words.length / BUCKET_WORDS - 1
  }

  /** Number of blocks that the index has room for. */
  get capacity(): number {
    return this.#words.length / PREFIX_WORDS
  }

  /** Number of blocks in the index. Of threads that fill the same entry at the same time, each counts it. */
  get size(): number {
    return Math.min(this.capacity, Atomics.load(this.#use, 0))
  }

  /** Counts for each target how many of the blocks it has from the beginning on, without a gap. */
  count({ keys, tags }: IndexedBlocks, holders: PrefixHolders, memory: Memory): void {
    holders.used.fill(0)
    holders.held.fill(0)
    if (!this.#hasAny(keys)) return
    for (let block = 0; block < keys.length; block++) {
      const entry = this.#find(keys[block] ?? 0, tags[block] ?? 0)
      if (entry < 0 || !this.#countHolders(entry, block, holders, memory)) return
    }
  }

  /**
   * Notes that the engine has used all blocks at this age, or has begun to compute them. `second`: of the process clock.
   * @returns the blocks that had to make room for them; valid until the next call.
   */
  note({ keys, tags }: IndexedBlocks, slot: number, age: number, second: number): Displaced {
    this.#filled = 0
    this.#displaced.blocks = 0
    this.#displaced.idleSecs = 0
    const holder = ((slot + 1) << AGE_BITS) | (age & AGE_MASK)
    for (let block = 0; block < keys.length; block++) {
      const tag = tags[block] ?? 1
      const key = keys[block] ?? 0
      const found = this.#find(key, tag)
      const entry = found < 0 ? this.#replace(key, tag, second) : found
      this.#words[entry + PREFIX.used] = second
      this.#addHolder(entry, holder)
    }
    if (this.#filled > 0) Atomics.add(this.#use, 0, this.#filled)
    return this.#displaced
  }

  /** The engine does not hold the blocks from this one on: it has not computed what was noted of them. */
  remove({ keys, tags }: IndexedBlocks, firstBlock: number, slot: number): void {
    for (let block = firstBlock; block < keys.length; block++) {
      const entry = this.#find(keys[block] ?? 0, tags[block] ?? 0)
      if (entry >= 0) this.#removeHolder(entry, slot)
    }
  }

  /**
   * Whether any of the buckets has an entry. They lie anywhere in memory that no cache of the processor holds, and a loop
   * without decisions waits for several of them at a time, so that reading them after it takes half as long (1.5 µs for
   * 40 blocks, not 3). A bucket is filled from its first entry on, and none is emptied.
   */
  #hasAny(keys: readonly number[]): boolean {
    const words = this.#words
    let tags = 0
    for (let block = 0; block < keys.length; block++)
      tags |= words[((keys[block] ?? 0) & this.#mask) * BUCKET_WORDS + PREFIX.tag] ?? 0
    return tags !== 0
  }

  /** @returns whether any target has used all blocks up to this one. */
  #countHolders(
    entry: number,
    block: number,
    { used, usedAges, held, heldAges }: PrefixHolders,
    memory: Memory,
  ): boolean {
    const words = this.#words
    let isUsed = false
    for (let cell = entry + PREFIX.holders; cell < entry + PREFIX_WORDS; cell++) {
      const holder = words[cell] ?? 0
      if (holder === 0) break
      const slot = slotOf(holder)
      if (used[slot] !== block) continue
      const age = ageOf(holder)
      used[slot] = block + 1
      usedAges[slot] = age
      isUsed = true
      if (held[slot] !== block || !memory.remembers(slot, age)) continue
      held[slot] = block + 1
      heldAges[slot] = age
    }
    return isUsed
  }

  #find(key: number, tag: number): number {
    const words = this.#words
    const bucket = (key & this.#mask) * BUCKET_WORDS
    for (let entry = bucket; entry < bucket + BUCKET_WORDS; entry += PREFIX_WORDS)
      if (words[entry + PREFIX.tag] === tag) return entry
    return -1
  }

  /** Takes the entry of the bucket that was not used for longest. */
  #replace(key: number, tag: number, second: number): number {
    const words = this.#words
    const bucket = (key & this.#mask) * BUCKET_WORDS
    let oldest = bucket
    for (let entry = bucket; entry < bucket + BUCKET_WORDS; entry += PREFIX_WORDS) {
      if (words[entry + PREFIX.tag] === 0) {
        oldest = entry
        break
      }
      if ((words[entry + PREFIX.used] ?? 0) < (words[oldest + PREFIX.used] ?? 0)) oldest = entry
    }
    if (words[oldest + PREFIX.tag] === 0) this.#filled++
    else {
      this.#displaced.blocks++
      this.#displaced.idleSecs += Math.max(0, second - (words[oldest + PREFIX.used] ?? 0))
    }
    for (let cell = oldest + PREFIX.holders; cell < oldest + PREFIX_WORDS; cell++) words[cell] = 0
    words[oldest + PREFIX.tag] = tag
    return oldest
  }

  /** Puts the holder first. Of more engines than there is room for, the one that used the block earliest is forgotten. */
  #addHolder(entry: number, holder: number): void {
    const words = this.#words
    const first = entry + PREFIX.holders
    let moved = words[first] ?? 0
    words[first] = holder
    for (let cell = first + 1; cell < entry + PREFIX_WORDS; cell++) {
      if (moved === 0 || moved >>> AGE_BITS === holder >>> AGE_BITS) return
      const next = words[cell] ?? 0
      words[cell] = moved
      moved = next
    }
  }

  #removeHolder(entry: number, slot: number): void {
    const words = this.#words
    const end = entry + PREFIX_WORDS
    let kept = entry + PREFIX.holders
    for (let cell = kept; cell < end; cell++) {
      const holder = words[cell] ?? 0
      if (holder !== 0 && slotOf(holder) !== slot) words[kept++] = holder
    }
    words.fill(0, kept, end)
  }
}

/** The slot of a holder that is not 0. */
export function slotOf(holder: number): number {
  return (holder >>> AGE_BITS) - 1
}

/** The age of the engine when it last used the block. */
export function ageOf(holder: number): number {
  return holder & AGE_MASK
}
