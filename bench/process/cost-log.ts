/** What a process costs while a load runs: resident memory and CPU, read again and again. */
import { readCpuUs, readRssMib } from './process-cost.ts'

export interface CostSample {
  /** Requests that had ended by then. */
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

  /** Of all its threads since the log began. */
  cpuUs(): number {
    return readCpuUs(this.#pid) - this.#firstCpuUs
  }

  peakRssMib(): number {
    return this.samples.reduce((most, { rssMib }) => Math.max(most, rssMib), 0)
  }
}

const STRETCHES = 8

/**
 * How much memory moves from the given request on: largest median of a stretch over the smallest, 1 = flat. Medians of
 * stretches, because a collector's teeth are no growth. Infinity when there is no sample in it.
 */
export function rssSpread(samples: readonly CostSample[], fromRequest: number): number {
  const late = samples.filter(({ requests }) => requests >= fromRequest).map(({ rssMib }) => rssMib)
  const size = Math.max(1, Math.ceil(late.length / STRETCHES))
  const medians: number[] = []
  for (let at = 0; at < late.length; at += size) medians.push(medianOf(late.slice(at, at + size)))
  return Math.max(...medians) / Math.min(...medians)
}

function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}
