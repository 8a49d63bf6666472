/** Results of a load in the reporting process, collected from all generator processes. */
import type { LoadPlan } from '../plan/plan.ts'
import type { GeneratorProgress } from './progress.ts'
import type { RequestRecord, Unfinished } from './record.ts'
import { SecondCounts } from './second-counts.ts'

/** A generator that is busy for more than this share of the time measures itself. */
const SATURATED_SHARE = 0.9
/** Tolerated share of the time in which all requests of a closed loop wait for the generator. */
const WAITING_SHARE = 0.1

export interface LoadResult {
  readonly plan: LoadPlan
  /** Unix time, milliseconds. */
  readonly startMs: number
  readonly records: readonly RequestRecord[]
  /** Requests that were open when the run was interrupted. */
  readonly unfinished: readonly Unfinished[]
  readonly itlMs: Float32Array
  readonly iclMs: Float32Array
  /** Tokens that arrived in the busiest second. */
  readonly maxTokensPerSecond: number
  /** Chunks with text, of successful requests, that arrived in the busiest second. */
  readonly maxChunksPerSecond: number
  /** Share of the time in which the event loop of each generator process was busy, 0..1. */
  readonly busyShares: readonly number[]
  /** CPU use of each generator process; 1 is one core. */
  readonly cpuShares: readonly number[]
  readonly wasInterrupted: boolean
}

export class LoadCollector {
  readonly #records: RequestRecord[] = []
  readonly #unfinished: Unfinished[] = []
  readonly #itlMs: Float32Array[] = []
  readonly #iclMs: Float32Array[] = []
  readonly #tokensBySecond = new SecondCounts()
  readonly #chunksBySecond = new SecondCounts()
  readonly #busy: number[][]
  readonly #cpu: number[][]
  readonly #inFlight: number[]

  constructor(processes: number) {
    this.#busy = Array.from({ length: processes }, () => [])
    this.#cpu = Array.from({ length: processes }, () => [])
    this.#inFlight = Array.from({ length: processes }, () => 0)
  }

  /** In order of arrival in this process. */
  get records(): readonly RequestRecord[] {
    return this.#records
  }

  get inFlight(): number {
    return this.#inFlight.reduce((sum, value) => sum + value, 0)
  }

  add(progress: GeneratorProgress, process: number): void {
    for (const record of progress.records) this.#records.push(record)
    for (const request of progress.unfinished) this.#unfinished.push(request)
    this.#itlMs.push(progress.itlMs)
    this.#iclMs.push(progress.iclMs)
    for (const [second, count] of progress.tokensBySecond) this.#tokensBySecond.add(second, count)
    for (const [second, count] of progress.chunksBySecond) this.#chunksBySecond.add(second, count)
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
      maxTokensPerSecond: this.#tokensBySecond.max(),
      maxChunksPerSecond: this.#chunksBySecond.max(),
      busyShares: this.#busy.map(meanOfWholeIntervals),
      cpuShares: this.#cpu.map(meanOfWholeIntervals),
      wasInterrupted,
    }
  }
}

/**
 * Whether the generator rather than the target limited the load: a process was saturated, or in a closed loop with few
 * clients all of them waited for it for much of the time.
 */
export function isGeneratorLimit({ plan, busyShares, cpuShares }: LoadResult): boolean {
  const { arrivals, processes } = plan
  const clients = arrivals.kind === 'closed' ? arrivals.concurrency / processes : Infinity
  return [...busyShares, ...cpuShares].some(
    share => share > SATURATED_SHARE || share ** Math.max(1, clients) > WAITING_SHARE,
  )
}

/** The mean without the last interval, which is short and mostly idle. */
function meanOfWholeIntervals(shares: readonly number[]): number {
  return meanOf(shares.length > 1 ? shares.slice(0, -1) : shares)
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0))
  let offset = 0
  for (const part of parts) {
    all.set(part, offset)
    offset += part.length
  }
  return all
}

function meanOf(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length
}
