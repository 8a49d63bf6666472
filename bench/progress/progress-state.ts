/** State of a running load, computed from what its generators have reported so far. */

import type { LoadPlan } from '../load/plan/plan.ts'
import type { RequestRecord } from '../load/records/record.ts'
import { percentileOf, sorted } from '../report/percentiles.ts'

export interface ProgressState {
  readonly name: string
  /** Completed share of the load, 0..1. */
  readonly share: number
  /** `610 of 1,000`, or `6 s of 60 s` for a load limited by time. */
  readonly doneText: string
  /** Remaining seconds at the current rate; undefined while the rate is 0. */
  readonly leftSeconds: number | undefined
  readonly ended: number
  /** Recent responses per second, correct or not. */
  readonly perSecond: number
  readonly inFlight: number
  /** Latency of recent correct responses; undefined before the first one. */
  readonly p99Ms: number | undefined
  /** Failed and refused requests. */
  readonly errors: number
}

/** The part of a load collector that the state is computed from. */
interface Collected {
  readonly records: readonly RequestRecord[]
  readonly inFlight: number
}

/** A rate over a shorter window is jumpy, over a longer one outdated. */
const WINDOW_MS = 3000
const P99_SAMPLES = 5000

export class ProgressTracker {
  readonly #name: string
  readonly #plan: Pick<LoadPlan, 'requests' | 'durationMs'>
  /** Time of the first update: generators take a moment to start. */
  #startMs: number | undefined
  #updates: { readonly atMs: number; readonly ended: number }[] = []
  #latencies: number[] = []
  #ended = 0
  #errors = 0

  constructor(name: string, plan: Pick<LoadPlan, 'requests' | 'durationMs'>) {
    this.#name = name
    this.#plan = plan
  }

  update({ records, inFlight }: Collected, nowMs: number): ProgressState {
    this.#startMs ??= nowMs
    this.#count(records)
    this.#updates.push({ atMs: nowMs, ended: this.#ended })
    const perSecond = this.#rate(nowMs)
    const latencies = sorted(this.#latencies)
    return {
      name: this.#name,
      ...this.#done(nowMs - this.#startMs, perSecond),
      ended: this.#ended,
      perSecond,
      inFlight,
      p99Ms: latencies.length === 0 ? undefined : percentileOf(latencies, 99),
      errors: this.#errors,
    }
  }

  #count(records: readonly RequestRecord[]): void {
    for (; this.#ended < records.length; this.#ended++) {
      const record = records[this.#ended]
      if (record?.outcome === 'ok') this.#latencies.push(record.endMs - record.sentMs)
      if (record?.outcome === 'failed' || record?.outcome === 'refused') this.#errors++
    }
    this.#latencies = this.#latencies.slice(-P99_SAMPLES)
  }

  /** Keeps the last update before the window, so that the window is always covered. */
  #rate(nowMs: number): number {
    const old = this.#updates.findLastIndex(({ atMs }) => atMs <= nowMs - WINDOW_MS)
    this.#updates = this.#updates.slice(Math.max(0, old))
    const { atMs, ended } = this.#updates[0] ?? { atMs: nowMs, ended: this.#ended }
    return nowMs <= atMs ? 0 : ((this.#ended - ended) * 1000) / (nowMs - atMs)
  }

  #done(elapsedMs: number, perSecond: number): Pick<ProgressState, 'share' | 'doneText' | 'leftSeconds'> {
    const { requests, durationMs } = this.#plan
    if (durationMs !== undefined) {
      const share = Math.min(1, elapsedMs / durationMs)
      const [done, total] = [share * durationMs, durationMs].map(ms => Math.round(ms / 1000))
      return { share, doneText: `${done} s of ${total} s`, leftSeconds: ((1 - share) * durationMs) / 1000 }
    }
    const all = requests.toLocaleString('en-US')
    return {
      share: this.#ended / requests,
      doneText: `${this.#ended.toLocaleString('en-US')} of ${all}`,
      leftSeconds: perSecond === 0 ? undefined : (requests - this.#ended) / perSecond,
    }
  }
}
