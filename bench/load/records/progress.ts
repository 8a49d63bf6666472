/** What a generator process has done since its last message: the requests that have ended, and how busy it was. */
import type { RequestRecord, Unfinished } from './record.ts'

export interface GeneratorProgress {
  readonly records: readonly RequestRecord[]
  readonly unfinished: readonly Unfinished[]
  readonly itlMs: Float32Array
  readonly iclMs: Float32Array
  /** Pairs of a second of the run and the tokens that arrived in it. */
  readonly tokensBySecond: readonly (readonly [number, number])[]
  /** The same of chunks with text, of requests that have succeeded. */
  readonly chunksBySecond: readonly (readonly [number, number])[]
  readonly inFlight: number
  /** Share of the time since the last message in which the event loop was busy, 0..1. */
  readonly busyShare: number
  /** CPU use of the process in that time, 1 = one core; lower than `busyShare` when other processes use the core. */
  readonly cpuShare: number
}
