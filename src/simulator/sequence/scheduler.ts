/** What an engine asks of its scheduler, and what a scheduler may ask of its engine. */
import type { Random } from '../../core/random.ts'
import type { SimClock } from '../clock/clock.ts'
import type { Knobs } from '../settings/knobs.ts'
import type { Counters } from './counters.ts'
import type { Sequence } from './sequence.ts'

export interface SchedulerHost {
  /** `host:port`, the name in transfer errors. */
  readonly name: string
  readonly knobs: Knobs
  readonly clock: SimClock
  readonly random: Random
  readonly counters: Counters
  /** The scheduler has run into something that kills the process. */
  die(): void
}

export interface SchedulerLoad {
  readonly running: number
  /** Queued in any way, bootstrap, prealloc and transfer queues included. */
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
  /** Gives up a sequence that it holds; how it ends depends on where it is. */
  abort(sequence: Sequence): void
  load(): SchedulerLoad
  /** Drops cached prefixes. */
  clearCache(): void
  /** Nothing moves until `resume`, what is held stays held. */
  pause(): void
  resume(): void
  /** Forgets everything without a word: the process has died. */
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

/** Stands for a peer in warm-up requests: handshake and transfer succeed at once. */
export const FAKE_BOOTSTRAP_HOST = '2.2.2.2'

export const abortOf = (message: string, status: number | null) =>
  ({ kind: 'abort', message, status }) as const
