/**
 * Where each field of the shared memory lies. The only file with offsets.
 *
 *   slots     Int32[engines][SLOT_FIELDS]     health and generation, written by the control thread
 *   inFlight  Int32[threads][engines]         one row a thread, written by that thread alone
 *   counters  Int32[COUNTERS]                 round-robin cursors, Atomics.add by all
 *   breakers  Int32[engines][BREAKER_FIELDS]  one circuit breaker an engine, see breaker-cells.ts
 *   links     Int32[1 + engines * engines]    how many pair links are not whole, then each P→D link, see pair-links.ts
 *   legs      Int32[threads][LEG_RECORDS][LEG_WORDS]  what a thread has open, see leg-journal.ts
 *   beats     Int32[threads]                  one cell a thread, advanced by it while its event loop turns
 *   metrics   Float64[rows][cells]            one row a thread, written by that thread alone; telemetry/metric-cells.ts
 */

/** Plain data: posted to every thread as it is, the memory itself is shared. */
export interface SharedMemory {
  readonly maxEngines: number
  readonly maxThreads: number
  readonly slots: SharedArrayBuffer
  readonly inFlight: SharedArrayBuffer
  readonly counters: SharedArrayBuffer
  readonly breakers: SharedArrayBuffer
  readonly links: SharedArrayBuffer
  readonly legs: SharedArrayBuffer
  readonly beats: SharedArrayBuffer
  /** Upper bounds of the histograms' buckets in seconds, ascending: they say how many cells a histogram has. */
  readonly bucketsSecs: readonly number[]
  readonly metrics: SharedArrayBuffer
}

/** How much room the metrics need; what their cells mean is for `telemetry/`. */
export interface MetricRoom {
  readonly bucketsSecs: readonly number[]
  readonly cellsPerRow: number
}

export const SLOT_FIELDS = 2
export const SLOT = { generation: 0, health: 1 } as const

/** One cursor for each role and purpose of the round-robin policy. */
export const COUNTER = { prefill: 0, decode: 1, mixed: 2 } as const
const COUNTERS = Object.keys(COUNTER).length

/**
 * `word`: state and time. `ok`, `failed`: totals that only grow. `...Floor`: what they were when the window was last
 * emptied. From `ring` on: `RING` marks of what they were when a step of the window began.
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
  ring: 8,
} as const
export const BREAKER_RING = 10
export const BREAKER_MARK = { step: 0, ok: 1, failed: 2 } as const
export const BREAKER_MARK_FIELDS = 3
export const BREAKER_FIELDS = BREAKER.ring + BREAKER_RING * BREAKER_MARK_FIELDS

/** Of a thread: as many requests as one has open when all descriptors are taken. Pages that nobody touches cost nothing. */
export const LEG_RECORDS = 16_384
export const LEG = { isOpen: 0, exchange: 1, prefillSlot: 2, decodeSlot: 3, rid: 4 } as const
export const LEG_WORDS = 8

const INT32 = 4

const FLOAT64 = 8

/** Without it nothing is counted: for parts that are tested alone. */
const NO_METRICS: MetricRoom = { bucketsSecs: [], cellsPerRow: 0 }

/** Main thread, router threads, control thread, and what engines that had a slot before have left there. */
export function metricRows(maxThreads: number): { readonly control: number; readonly base: number } {
  return { control: maxThreads + 1, base: maxThreads + 2 }
}

export function createSharedMemory(
  maxEngines: number,
  maxThreads: number,
  { bucketsSecs, cellsPerRow } = NO_METRICS,
): SharedMemory {
  return {
    maxEngines,
    maxThreads,
    slots: new SharedArrayBuffer(maxEngines * SLOT_FIELDS * INT32),
    inFlight: new SharedArrayBuffer(maxThreads * maxEngines * INT32),
    counters: new SharedArrayBuffer(COUNTERS * INT32),
    breakers: new SharedArrayBuffer(maxEngines * BREAKER_FIELDS * INT32),
    links: new SharedArrayBuffer((1 + maxEngines * maxEngines) * INT32),
    legs: new SharedArrayBuffer(maxThreads * LEG_RECORDS * LEG_WORDS * INT32),
    beats: new SharedArrayBuffer(maxThreads * INT32),
    bucketsSecs,
    metrics: new SharedArrayBuffer((metricRows(maxThreads).base + 1) * cellsPerRow * FLOAT64),
  }
}
