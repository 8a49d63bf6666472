/** The interfaces between an engine and its scheduler. */
import type { Random } from '../../core/random.ts'
import type { SimClock } from '../clock/clock.ts'
import type { Knobs } from '../settings/knobs.ts'
import type { Counters } from './counters.ts'
import type { Sequence } from './sequence.ts'

export interface SchedulerHost {
  /** `host:port`, as in the messages of transfer errors. */
  readonly name: string
  readonly knobs: Knobs
  readonly clock: SimClock
  readonly random: Random
  readonly counters: Counters
  /** Called when the scheduler hits an error that crashes the process. */
  die(): void
}

export interface SchedulerLoad {
  readonly running: number
  /** Sequences in all queues, including the bootstrap, prealloc and transfer queues. */
  readonly waiting: number
  readonly waitingTokens: number
  readonly usedTokens: number
  readonly bootstrapQueue: number
  readonly inflightQueue: number
  readonly preallocQueue: number
  readonly transferQueue: number
  readonly retractedQueue: number
}

export interface Scheduler {
  submit(sequence: Sequence): void
  /** Aborts a sequence that it holds. How the sequence ends depends on its state. */
  abort(sequence: Sequence): void
  load(): SchedulerLoad
  /** Clears the prefix cache. */
  clearCache(): void
  /** Stops all progress until `resume`. Sequences are kept. */
  pause(): void
  resume(): void
  /** Discards all sequences without ending them, as in a crash. */
  reset(): void
}

export const NO_LOAD: SchedulerLoad = {
  running: 0,
  waiting: 0,
  waitingTokens: 0,
  usedTokens: 0,
  bootstrapQueue: 0,
  inflightQueue: 0,
  preallocQueue: 0,
  transferQueue: 0,
  retractedQueue: 0,
}

/** Bootstrap host of warm-up requests: handshake and transfer succeed at once, without a peer (SGLang 2026-07). */
export const FAKE_BOOTSTRAP_HOST = '2.2.2.2'

/** The ending of an aborted sequence. `status` null is an abort by the user, which HTTP reports with 200. */
export const abortOf = (message: string, status: number | null) =>
  ({ kind: 'abort', message, status }) as const
