/**
 * Estimates what the index of prefixes says of each engine, from a sample of its buckets: for operators, never on the path
 * of a request. Keys spread evenly over the buckets, so a bucket is like any other.
 */
import type { EngineCaches } from './engine-caches.ts'
import { PREFIX, PREFIX_ENTRIES, PREFIX_WORDS, type SharedMemory, targetsOf } from './layout.ts'
import { ageOf, slotOf } from './prefix-index.ts'

export interface IndexSample {
  /** The share of the buckets that were looked at, above 0 up to 1. With 1 the numbers are exact. */
  readonly share: number
  /** By slot, or by the number of a rank: blocks that are believed to be cached there. */
  readonly held: Float64Array
  /** Mean over the full buckets: seconds since the block was last used that makes room next. `undefined` if none is full. */
  readonly nextIdleSecs: number | undefined
}

/** 512 KiB of the index. */
const MAX_BUCKETS = 4096
const BUCKET_WORDS = PREFIX_WORDS * PREFIX_ENTRIES

/** `second`: of the process clock. */
export function sampleIndex(
  { prefixes, maxEngines }: SharedMemory,
  caches: Pick<EngineCaches, 'remembers'>,
  second: number,
): IndexSample {
  const words = new Int32Array(prefixes)
  const buckets = words.length / BUCKET_WORDS
  const sampled = Math.min(buckets, MAX_BUCKETS)
  // The number of buckets is a power of two, as is the most that are sampled.
  const step = (buckets / sampled) * BUCKET_WORDS
  const held = new Float64Array(targetsOf(maxEngines))
  let [full, idleSecs] = [0, 0]
  for (let bucket = 0; bucket < words.length; bucket += step) {
    const oldest = readBucket(words.subarray(bucket, bucket + BUCKET_WORDS), held, caches)
    if (oldest === undefined) continue
    full++
    idleSecs += Math.max(0, second - oldest)
  }
  const scale = buckets / sampled
  return {
    share: sampled / buckets,
    held: held.map(blocks => blocks * scale),
    nextIdleSecs: full === 0 ? undefined : idleSecs / full,
  }
}

/** Adds the holders of the blocks to `held`. @returns when the oldest block was used last, or `undefined` if there is room. */
function readBucket(
  words: Int32Array,
  held: Float64Array,
  caches: Pick<EngineCaches, 'remembers'>,
): number | undefined {
  let oldest = Infinity
  let isFull = true
  for (let entry = 0; entry < BUCKET_WORDS; entry += PREFIX_WORDS) {
    if (words[entry + PREFIX.tag] === 0) isFull = false
    else oldest = Math.min(oldest, words[entry + PREFIX.used] ?? 0)
    for (let cell = entry + PREFIX.holders; cell < entry + PREFIX_WORDS; cell++) {
      const holder = words[cell] ?? 0
      if (holder === 0) break
      const slot = slotOf(holder)
      if (caches.remembers(slot, ageOf(holder))) held[slot] = (held[slot] ?? 0) + 1
    }
  }
  return isFull ? oldest : undefined
}
