/**
 * The data-parallel controller of an engine: one scheduler per rank, each with its own queue, KV cache and prefix cache.
 *
 * A request goes to the rank that it names. On a prefill engine its room decides otherwise (the room modulo the number of
 * ranks), elsewhere the ranks take turns.
 */
import { stageFailure } from '../sequence/pd-errors.ts'
import {
  abortOf,
  FAKE_BOOTSTRAP_HOST,
  NO_LOAD,
  type Scheduler,
  type SchedulerHost,
  type SchedulerLoad,
} from '../sequence/scheduler.ts'
import type { Sequence } from '../sequence/sequence.ts'

export class RankedScheduler implements Scheduler {
  readonly #host: Pick<SchedulerHost, 'knobs'>
  readonly #ranks: readonly Scheduler[]
  readonly #isPrefill: boolean
  /** The rank whose turn it is. */
  #next = 0

  constructor(host: Pick<SchedulerHost, 'knobs'>, ranks: readonly Scheduler[], isPrefill: boolean) {
    this.#host = host
    this.#ranks = ranks
    this.#isPrefill = isPrefill
  }

  submit(sequence: Sequence): void {
    const { spec } = sequence
    sequence.rank = this.#rankOf(sequence)
    const reason = spec.bootstrapHost === FAKE_BOOTSTRAP_HOST ? undefined : this.#conflictOf(sequence)
    if (reason === undefined) return this.#rank(sequence).submit(sequence)
    sequence.end(abortOf(stageFailure('Prefill bootstrap', spec, reason), 500))
  }

  abort(sequence: Sequence): void {
    this.#rank(sequence).abort(sequence)
  }

  load(): SchedulerLoad {
    return this.#ranks.map(rank => rank.load()).reduce(sumOf, NO_LOAD)
  }

  clearCache(): void {
    for (const rank of this.#ranks) rank.clearCache()
  }

  pause(): void {
    for (const rank of this.#ranks) rank.pause()
  }

  resume(): void {
    for (const rank of this.#ranks) rank.resume()
  }

  reset(): void {
    for (const rank of this.#ranks) rank.reset()
  }

  #rankOf({ spec: { routedRank, room } }: Sequence): number {
    if (routedRank !== undefined) return routedRank % this.#ranks.length
    if (this.#isPrefill && room !== undefined) return room % this.#ranks.length
    const rank = this.#next
    this.#next = (rank + 1) % this.#ranks.length
    return rank
  }

  #rank({ rank }: Sequence): Scheduler {
    const scheduler = this.#ranks[rank]
    if (scheduler === undefined) throw new RangeError(`no rank ${rank} of ${this.#ranks.length}`)
    return scheduler
  }

  /**
   * Why prefill refuses the room, as SGLang 0.5.23 does: it compares what the room implies with the attention rank, which
   * without DP attention is 0 on every rank.
   */
  #conflictOf({ spec: { room, prefillRank }, rank }: Sequence): string | undefined {
    if (!this.#isPrefill || room === undefined || prefillRank !== undefined) return undefined
    const implied = room % this.#ranks.length
    const dispatched = this.#host.knobs.dpAttention ? rank : 0
    if (dispatched === implied) return undefined
    return (
      `follow_bootstrap_room conflict: dispatched to dp_rank ${dispatched} but bootstrap_room ${room} implies ` +
      `dp_rank ${implied}. Set SGLANG_DISAGGREGATION_FORCE_QUERY_PREFILL_DP_RANK=1 to allow mixed routing.`
    )
  }
}

function sumOf(a: SchedulerLoad, b: SchedulerLoad): SchedulerLoad {
  return {
    running: a.running + b.running,
    waiting: a.waiting + b.waiting,
    waitingTokens: a.waitingTokens + b.waitingTokens,
    usedTokens: a.usedTokens + b.usedTokens,
    bootstrapQueue: a.bootstrapQueue + b.bootstrapQueue,
    inflightQueue: a.inflightQueue + b.inflightQueue,
    preallocQueue: a.preallocQueue + b.preallocQueue,
    transferQueue: a.transferQueue + b.transferQueue,
    retractedQueue: a.retractedQueue + b.retractedQueue,
  }
}
