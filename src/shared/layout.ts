/**
 * The layout of the shared memory. No other file contains offsets.
 *
 *   slots     Int32[engines][SLOT_FIELDS]     health and generation, written by the control thread; reservations
 *   inFlight  Int32[threads][engines]         one row per router thread, written by that thread only
 *   rankInFlight Int32[threads][targets]      the same by data-parallel rank, for engines whose ranks are chosen
 *   others    Int32[targets][OTHERS_FIELDS]   what engines have from other clients and gateways, written by the control thread
 *   counters  Int32[COUNTERS]                 round-robin cursors, incremented by all with Atomics.add
 *   breakers  Int32[engines][BREAKER_FIELDS]  one circuit breaker per engine, see breaker-cells.ts
 *   links     Int32[1 + engines * engines]    number of failing pairs, then one cell per pair, see pair-health.ts
 *   legs      Int32[threads][LEG_RECORDS][LEG_WORDS]  open legs of each router thread, see leg-journal.ts
 *   beats     Int32[threads]                  one cell per router thread, see heartbeats.ts
 *   waiting   Int32[threads][2]               exchanges of each router thread that wait for room, see waiting-counts.ts
 *   caches    Int32[targets][CACHE_FIELDS]    what each engine or rank has computed and remembers, see engine-caches.ts
 *   promptWork  Int32[threads][targets]       bytes of prompts that engines have for each router thread, see engine-caches.ts
 *   prefixes  Int32[...]                      which engines hold which prefixes, see prefix-index.ts
 *   sticky    Int32[...]                      which engines keep which routing keys, see sticky-keys.ts
 *   lengths   Int32[2 + LENGTH_BINS]          how long recent prompts are, see length-histogram.ts
 *   prefixUse Int32[1]                        entries of the index that are in use
 *   kvBlocks  Int32[buckets][KV_BUCKET_WORDS]  which blocks of tokens engines hold, written by the control thread, see kv-blocks/
 *   kvSlots   Int32[targets][KV_SLOT_FIELDS]  how much of each engine's blocks is known, written by the control thread
 *   metrics   Float64[rows][cells]            one row per thread, written by that thread only, see telemetry/metric-cells.ts
 *
 * A target is an engine, or one data-parallel rank of it: rank r of the engine in slot s has the number r * engines + s, so
 * that rank 0 and an engine without ranks have the number of the slot. Memory of ranks that no engine has is never used.
 */
import { MAX_RANKS } from '../core/engine.ts'

/** Plain data that is posted to every thread; the buffers are shared, not copied. */
export interface SharedMemory {
  readonly maxEngines: number
  readonly maxThreads: number
  readonly slots: SharedArrayBuffer
  readonly inFlight: SharedArrayBuffer
  readonly rankInFlight: SharedArrayBuffer
  readonly others: SharedArrayBuffer
  readonly counters: SharedArrayBuffer
  readonly breakers: SharedArrayBuffer
  readonly links: SharedArrayBuffer
  readonly legs: SharedArrayBuffer
  readonly beats: SharedArrayBuffer
  readonly waiting: SharedArrayBuffer
  readonly caches: SharedArrayBuffer
  readonly promptWork: SharedArrayBuffer
  readonly prefixes: SharedArrayBuffer
  readonly sticky: SharedArrayBuffer
  readonly lengths: SharedArrayBuffer
  readonly prefixUse: SharedArrayBuffer
  readonly kvBlocks: SharedArrayBuffer
  readonly kvSlots: SharedArrayBuffer
  /** Upper bounds of the histogram buckets in seconds, ascending. Their number determines the cells per histogram. */
  readonly bucketsSecs: readonly number[]
  readonly metrics: SharedArrayBuffer
}

/** The space that the metrics need. `telemetry/` defines what the cells mean. */
export interface MetricRoom {
  readonly bucketsSecs: readonly number[]
  readonly cellsPerRow: number
}

export const SLOT_FIELDS = 3
/** `reserved`: number of the router thread that has claimed the engine's next room, plus 1; 0 for none. */
export const SLOT = { generation: 0, health: 1, reserved: 2 } as const

/** One round-robin cursor per role. */
export const COUNTER = { prefill: 0, decode: 1, mixed: 2 } as const
const COUNTERS = Object.keys(COUNTER).length

/**
 * Fields of a circuit breaker. `word`: state and time. `ok`, `failed`: totals that only grow. `okFloor`, `failedFloor`:
 * the totals when the window was last emptied. `answers`: responses of the engine itself, see `noteAnswer`. `ring`: start
 * of `BREAKER_RING` marks, each with the totals at the start of one step of the window.
 */
export const BREAKER = {
  word: 0,
  successes: 1,
  step: 2,
  ok: 3,
  failed: 4,
  okFloor: 5,
  failedFloor: 6,
  inARow: 7,
  answers: 8,
  ring: 9,
} as const
export const BREAKER_RING = 10
export const BREAKER_MARK = { step: 0, ok: 1, failed: 2 } as const
export const BREAKER_MARK_FIELDS = 3
export const BREAKER_FIELDS = BREAKER.ring + BREAKER_RING * BREAKER_MARK_FIELDS

/** Records per thread: as many requests as a thread can have open if all descriptors are in use. Unused pages are free. */
export const LEG_RECORDS = 16_384
export const LEG = { isOpen: 0, exchange: 1, prefillSlot: 2, decodeSlot: 3, rid: 4 } as const
export const LEG_WORDS = 8

export const WAITING_FIELDS = 2

/**
 * What an engine has computed and remembers of prompts. `recent` was computed at `second`. `correction`:
 * the latest, as its place in `CACHE_CORRECTIONS` plus 1; 0 for none.
 */
export const CACHE = {
  computed: 0,
  window: 1,
  capacity: 2,
  longestHit: 3,
  recent: 4,
  second: 5,
  correction: 6,
  correctedSecond: 7,
  namesCached: 8,
} as const
export const CACHE_FIELDS = 9

/** The index of prefixes: buckets of `PREFIX_ENTRIES` entries, see prefix-index.ts. */
export const PREFIX = { tag: 0, used: 1, holders: 2 } as const
export const PREFIX_WORDS = 8
export const PREFIX_ENTRIES = 4

/** The table of routing keys: buckets of `STICKY_ENTRIES` entries, see sticky-keys.ts. */
export const STICKY = { key: 0, used: 1, holder: 2 } as const
export const STICKY_WORDS = 3
export const STICKY_ENTRIES = 4

/** When the lengths of prompts were last aged, how many were noted since, and the first bin. */
export const LENGTHS = { second: 0, noted: 1, bins: 2 } as const
/** Four bins to each doubling of the length. */
export const LENGTH_BINS = 128

/** See `OthersLoad` in engine-slots.ts. */
export const OTHERS = { requests: 0, promptBytes: 1 } as const
export const OTHERS_FIELDS = 2

/** The index of blocks that KV events name: one word for each. `knowledge`: see `Knowledge` in kv-block-index.ts. */
export const KV_BUCKET_WORDS = 16
export const KV_SLOT = { knowledge: 0, blockSize: 1 } as const
export const KV_SLOT_FIELDS = 2

const INT32 = 4

const FLOAT64 = 8

/** Counts nothing; for tests of single parts. */
const NO_METRICS: MetricRoom = { bucketsSecs: [], cellsPerRow: 0 }

/** How large the tables are that the configuration bounds; those of no use are as small as can be. */
export interface TableSizes {
  /** Of the index of prefixes. */
  readonly indexBytes?: number
  /** Routing keys that are remembered. */
  readonly stickyKeys?: number
}

const PREFIX_BUCKET_BYTES = PREFIX_WORDS * PREFIX_ENTRIES * INT32
const STICKY_BUCKET_BYTES = STICKY_WORDS * STICKY_ENTRIES * INT32

/** The largest power of two that is not above `count`, 1 or more. */
function powerOfTwoUpTo(count: number): number {
  return 2 ** Math.max(0, Math.floor(Math.log2(count)))
}

/** Buckets are a quarter full when all `blocks` are noted: then about one in a million has no room. */
function kvBlockBytes(blocks: number): number {
  const buckets = 2 ** Math.ceil(Math.log2(Math.max(1, (4 * blocks) / KV_BUCKET_WORDS)))
  return buckets * KV_BUCKET_WORDS * INT32
}

/** The memory with room for that number of blocks of KV events. */
export function withKvBlocks(memory: SharedMemory, blocks: number): SharedMemory {
  return { ...memory, kvBlocks: new SharedArrayBuffer(kvBlockBytes(blocks)) }
}

/** Number of all targets. */
export function targetsOf(maxEngines: number): number {
  return maxEngines * MAX_RANKS
}

/** The number of a data-parallel rank of the engine in the slot. */
export function targetOf(slot: number, rank: number, maxEngines: number): number {
  return rank * maxEngines + slot
}

/** Rows of the metrics: the main thread, the router threads, the control thread, and the totals of previous engines. */
export function metricRows(maxThreads: number): { readonly control: number; readonly base: number } {
  return { control: maxThreads + 1, base: maxThreads + 2 }
}

export function createSharedMemory(
  maxEngines: number,
  maxThreads: number,
  { bucketsSecs, cellsPerRow } = NO_METRICS,
  { indexBytes = 0, stickyKeys = 0 }: TableSizes = {},
): SharedMemory {
  const targets = targetsOf(maxEngines)
  return {
    maxEngines,
    maxThreads,
    slots: new SharedArrayBuffer(maxEngines * SLOT_FIELDS * INT32),
    inFlight: new SharedArrayBuffer(maxThreads * maxEngines * INT32),
    rankInFlight: new SharedArrayBuffer(maxThreads * targets * INT32),
    others: new SharedArrayBuffer(targets * OTHERS_FIELDS * INT32),
    counters: new SharedArrayBuffer(COUNTERS * INT32),
    breakers: new SharedArrayBuffer(maxEngines * BREAKER_FIELDS * INT32),
    links: new SharedArrayBuffer((1 + maxEngines * maxEngines) * INT32),
    legs: new SharedArrayBuffer(maxThreads * LEG_RECORDS * LEG_WORDS * INT32),
    beats: new SharedArrayBuffer(maxThreads * INT32),
    waiting: new SharedArrayBuffer(maxThreads * WAITING_FIELDS * INT32),
    caches: new SharedArrayBuffer(targets * CACHE_FIELDS * INT32),
    promptWork: new SharedArrayBuffer(maxThreads * targets * INT32),
    prefixes: new SharedArrayBuffer(powerOfTwoUpTo(indexBytes / PREFIX_BUCKET_BYTES) * PREFIX_BUCKET_BYTES),
    sticky: new SharedArrayBuffer(powerOfTwoUpTo(stickyKeys / STICKY_ENTRIES) * STICKY_BUCKET_BYTES),
    lengths: new SharedArrayBuffer((LENGTHS.bins + LENGTH_BINS) * INT32),
    prefixUse: new SharedArrayBuffer(INT32),
    kvBlocks: new SharedArrayBuffer(kvBlockBytes(0)),
    kvSlots: new SharedArrayBuffer(targets * KV_SLOT_FIELDS * INT32),
    bucketsSecs,
    metrics: new SharedArrayBuffer((metricRows(maxThreads).base + 1) * cellsPerRow * FLOAT64),
  }
}
