/** How a load stands while it runs, from what its generators have told so far. */
import { percentileOf, sorted } from '../load/percentiles.ts'
import type { LoadPlan } from '../load/plan.ts'
import type { RequestRecord } from '../load/record.ts'

export interface Standing {
  readonly name: string
  /** Of the whole load, 0..1. */
  readonly share: number
  /** `610 of 1,000` or, of a load that ends by time, `6 s of 60 s`. */
  readonly doneText: string
  /** Seconds that are left at this pace; undefined when nobody can say. */
  readonly leftSeconds: number | undefined
  readonly ended: number
  /** Answers a second, good or not, of late. */
  readonly perSecond: number
  readonly inFlight: number
  /** Latency of late good answers; undefined before the first. */
  readonly p99Ms: number | undefined
  /** Failed and refused. */
  readonly wrong: number
}

/** What a collector of a load knows. */
interface Seen {
  readonly records: readonly RequestRecord[]
  readonly inFlight: number
}

/** A pace over less jumps about, over more is old. */
const WINDOW_MS = 3000
const P99_SAMPLES = 5000

export class LoadWatch {
  readonly #name: string
  readonly #plan: Pick<LoadPlan, 'requests' | 'durationMs'>
  /** Of the first look: generators take a moment to be ready. */
  #startMs: number | undefined
  #looked: { readonly atMs: number; readonly ended: number }[] = []
  #latencies: number[] = []
  #ended = 0
  #wrong = 0

  constructor(name: string, plan: Pick<LoadPlan, 'requests' | 'durationMs'>) {
    this.#name = name
    this.#plan = plan
  }

  look({ records, inFlight }: Seen, nowMs: number): Standing {
    this.#startMs ??= nowMs
    this.#count(records)
    this.#looked.push({ atMs: nowMs, ended: this.#ended })
    const perSecond = this.#pace(nowMs)
    const latencies = sorted(this.#latencies)
    return {
      name: this.#name,
      ...this.#done(nowMs - this.#startMs, perSecond),
      ended: this.#ended,
      perSecond,
      inFlight,
      p99Ms: latencies.length === 0 ? undefined : percentileOf(latencies, 99),
      wrong: this.#wrong,
    }
  }

  #count(records: readonly RequestRecord[]): void {
    for (; this.#ended < records.length; this.#ended++) {
      const record = records[this.#ended]
      if (record?.outcome === 'ok') this.#latencies.push(record.endMs - record.sentMs)
      if (record?.outcome === 'failed' || record?.outcome === 'refused') this.#wrong++
    }
    this.#latencies = this.#latencies.slice(-P99_SAMPLES)
  }

  /** The look before the window stays, so that the window is always spanned. */
  #pace(nowMs: number): number {
    const old = this.#looked.findLastIndex(({ atMs }) => atMs <= nowMs - WINDOW_MS)
    this.#looked = this.#looked.slice(Math.max(0, old))
    const { atMs, ended } = this.#looked[0] ?? { atMs: nowMs, ended: this.#ended }
    return nowMs <= atMs ? 0 : ((this.#ended - ended) * 1000) / (nowMs - atMs)
  }

  #done(elapsedMs: number, perSecond: number): Pick<Standing, 'share' | 'doneText' | 'leftSeconds'> {
    const { requests, durationMs } = this.#plan
    if (durationMs !== undefined) {
      const share = Math.min(1, elapsedMs / durationMs)
      const [at, of] = [share * durationMs, durationMs].map(ms => Math.round(ms / 1000))
      return { share, doneText: `${at} s of ${of} s`, leftSeconds: ((1 - share) * durationMs) / 1000 }
    }
    const all = requests.toLocaleString('en-US')
    return {
      share: this.#ended / requests,
      doneText: `${this.#ended.toLocaleString('en-US')} of ${all}`,
      leftSeconds: perSecond === 0 ? undefined : (requests - this.#ended) / perSecond,
    }
  }
}
