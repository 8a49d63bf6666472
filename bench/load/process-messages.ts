/** What the reporting process and a generator process say to each other. */
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
  /** Unix time of the start of the run, in milliseconds. */
  | { readonly kind: 'start'; readonly atMs: number }
  /** Give up what is open, and end. */
  | { readonly kind: 'stop' }

export type FromGenerator =
  | { readonly kind: 'ready' }
  | { readonly kind: 'refused'; readonly message: string }
  | Progress
  | { readonly kind: 'done' }

/** What has ended since the last one. */
export interface Progress {
  readonly kind: 'progress'
  readonly records: readonly RequestRecord[]
  readonly unfinished: readonly Unfinished[]
  readonly itlMs: Float32Array
  readonly iclMs: Float32Array
  /** Second of the run and tokens that came in it. */
  readonly tokensBySecond: readonly (readonly [number, number])[]
  readonly inFlight: number
  /** Share of the time since the last one in which the process's event loop was busy, 0..1. */
  readonly busyShare: number
  /** CPU of the whole process in that time, 1 = one core; less than busy when others have the core. */
  readonly cpuShare: number
}
