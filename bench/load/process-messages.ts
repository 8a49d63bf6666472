/** Messages between the reporting process and a generator process. */
import type { LoadPlan } from './plan.ts'
import type { RequestRecord, Unfinished } from './record.ts'
import type { Share } from './share.ts'

export type ToGenerator =
  | {
      readonly kind: 'plan'
      readonly plan: LoadPlan
      readonly share: Share
      readonly sources: readonly string[]
    }
  /** Starts the run at `atMs`, Unix time in milliseconds. */
  | { readonly kind: 'start'; readonly atMs: number }
  /** Abandons open requests and ends the run. */
  | { readonly kind: 'stop' }

export type FromGenerator =
  | { readonly kind: 'ready' }
  | { readonly kind: 'refused'; readonly message: string }
  | Progress
  | { readonly kind: 'done' }

/** What has ended since the last progress message. */
export interface Progress {
  readonly kind: 'progress'
  readonly records: readonly RequestRecord[]
  readonly unfinished: readonly Unfinished[]
  readonly itlMs: Float32Array
  readonly iclMs: Float32Array
  /** Pairs of a second of the run and the tokens that arrived in it. */
  readonly tokensBySecond: readonly (readonly [number, number])[]
  readonly inFlight: number
  /** Share of the time since the last message in which the event loop was busy, 0..1. */
  readonly busyShare: number
  /** CPU use of the process in that time, 1 = one core; lower than `busyShare` when other processes use the core. */
  readonly cpuShare: number
}
