/**
 * Where each field of the shared memory lies. The only file with offsets.
 *
 *   slots     Int32[engines][SLOT_FIELDS]     health and generation, written by the control thread
 *   inFlight  Int32[threads][engines]         one row a thread, written by that thread alone
 *   counters  Int32[COUNTERS]                 round-robin cursors, Atomics.add by all
 *   beats     Int32[threads]                  one cell a thread, advanced by it while its event loop turns
 */

/** Plain data: posted to every thread as it is, the memory itself is shared. */
export interface SharedMemory {
  readonly maxEngines: number
  readonly maxThreads: number
  readonly slots: SharedArrayBuffer
  readonly inFlight: SharedArrayBuffer
  readonly counters: SharedArrayBuffer
  readonly beats: SharedArrayBuffer
}

export const SLOT_FIELDS = 2
export const SLOT = { generation: 0, health: 1 } as const

/** One cursor for each role and purpose of the round-robin policy. */
export const COUNTER = { prefill: 0, decode: 1, mixed: 2 } as const
const COUNTERS = 4

const INT32 = 4

export function createSharedMemory(maxEngines: number, maxThreads: number): SharedMemory {
  return {
    maxEngines,
    maxThreads,
    slots: new SharedArrayBuffer(maxEngines * SLOT_FIELDS * INT32),
    inFlight: new SharedArrayBuffer(maxThreads * maxEngines * INT32),
    counters: new SharedArrayBuffer(COUNTERS * INT32),
    beats: new SharedArrayBuffer(maxThreads * INT32),
  }
}
