/** A load as the reporting process sees it: what has ended so far, from all generator processes. */
import type { LoadPlan } from './plan.ts'
import type { Progress } from './process-messages.ts'
import type { RequestRecord, Unfinished } from './record.ts'
import { SecondCounts } from './second-counts.ts'

/** A process that is busy for more than this share of its time measures itself. */
const SATURATED_SHARE = 0.9
/** Share of the time in which every request of a closed loop waits for the generator. */
const WAITING_SHARE = 0.1

export interface LoadResult {
  readonly plan: LoadPlan
  /** Unix time, milliseconds. */
  readonly startMs: number
  readonly records: readonly RequestRecord[]
  /** What an interruption has cut off. */
  readonly unfinished: readonly Unfinished[]
  readonly itlMs: Float32Array
  readonly iclMs: Float32Array
  /** Tokens that came in the fullest second. */
  readonly mostTokensASecond: number
  /** Share of its time that each generator process was busy, 0..1. */
  readonly busyShares: readonly number[]
  /** CPU that each has used, 1 = one core. */
  readonly cpuShares: readonly number[]
  readonly wasInterrupted: boolean
}

export class LoadCollector {
  readonly #records: RequestRecord[] = []
  readonly #unfinished: Unfinished[] = []
  readonly #itlMs: Float32Array[] = []
  readonly #iclMs: Float32Array[] = []
  readonly #tokensBySecond = new SecondCounts()
  readonly #busy: number[][]
  readonly #cpu: number[][]
  readonly #inFlight: number[]

  constructor(processes: number) {
    this.#busy = Array.from({ length: processes }, () => [])
    this.#cpu = Array.from({ length: processes }, () => [])
    this.#inFlight = Array.from({ length: processes }, () => 0)
  }

  /** In the order in which they were told of. */
  get records(): readonly RequestRecord[] {
    return this.#records
  }

  get inFlight(): number {
    return this.#inFlight.reduce((sum, one) => sum + one, 0)
  }

  add(progress: Progress, process: number): void {
    for (const record of progress.records) this.#records.push(record)
    for (const one of progress.unfinished) this.#unfinished.push(one)
    this.#itlMs.push(progress.itlMs)
    this.#iclMs.push(progress.iclMs)
    for (const [second, count] of progress.tokensBySecond) this.#tokensBySecond.add(second, count)
    this.#busy[process]?.push(progress.busyShare)
    this.#cpu[process]?.push(progress.cpuShare)
    this.#inFlight[process] = progress.inFlight
  }

  result(plan: LoadPlan, startMs: number, wasInterrupted: boolean): LoadResult {
    return {
      plan,
      startMs,
      records: this.#records,
      unfinished: this.#unfinished,
      itlMs: joined(this.#itlMs),
      iclMs: joined(this.#iclMs),
      mostTokensASecond: this.#tokensBySecond.most(),
      busyShares: this.#busy.map(wholeStretches),
      cpuShares: this.#cpu.map(wholeStretches),
      wasInterrupted,
    }
  }
}

/**
 * Whether the figures are those of a generator process rather than the target's: it had nothing left to give, or in a
 * closed loop of few requests all of them waited for it in much of the time.
 */
export function isGeneratorLimit({ plan, busyShares, cpuShares }: LoadResult): boolean {
  const { arrivals, processes } = plan
  const atOnce = arrivals.kind === 'closed' ? arrivals.concurrency / processes : Infinity
  return [...busyShares, ...cpuShares].some(
    share => share > SATURATED_SHARE || share ** Math.max(1, atOnce) > WAITING_SHARE,
  )
}

/** The last stretch is short and mostly idle. */
function wholeStretches(shares: readonly number[]): number {
  return meanOf(shares.length > 1 ? shares.slice(0, -1) : shares)
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

function meanOf(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, one) => sum + one, 0) / values.length
}
