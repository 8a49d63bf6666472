/** Memory and CPU of a process, sampled while a load runs. */
import { readCpuUs, readRssMib } from './process-cost.ts'

export interface CostSample {
  /** Requests that had ended at the time of the sample. */
  readonly requests: number
  readonly rssMib: number
}

export class CostLog {
  readonly samples: CostSample[] = []
  readonly #pid: number
  readonly #firstCpuUs: number

  constructor(pid: number) {
    this.#pid = pid
    this.#firstCpuUs = readCpuUs(pid)
  }

  sample(requests: number): void {
    this.samples.push({ requests, rssMib: readRssMib(this.#pid) })
  }

  /** CPU time of all threads since this log was created. */
  cpuUs(): number {
    return readCpuUs(this.#pid) - this.#firstCpuUs
  }

  peakRssMib(): number {
    return this.samples.reduce((max, { rssMib }) => Math.max(max, rssMib), 0)
  }
}

const INTERVALS = 8

/**
 * How much memory varies from the given request on: the largest median of an interval over the smallest, 1 = flat.
 * Medians, because the sawtooth of a garbage collector is not growth. Infinity without samples.
 */
export function rssSpread(samples: readonly CostSample[], fromRequest: number): number {
  const late = samples.filter(({ requests }) => requests >= fromRequest).map(({ rssMib }) => rssMib)
  const size = Math.max(1, Math.ceil(late.length / INTERVALS))
  const medians: number[] = []
  for (let from = 0; from < late.length; from += size) medians.push(medianOf(late.slice(from, from + size)))
  return Math.max(...medians) / Math.min(...medians)
}

function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}
