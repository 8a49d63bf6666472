/**
 * Arithmetic over rounds: cost per unit of work, and the gateway's cost in units of haproxy's.
 *
 * A round of one target is set against the same round of the other, which ran right beside it: the machine's speed
 * changes over minutes, and a ratio of two neighbours cancels most of it.
 */

/** One measured round of one target. */
export interface Sample {
  /** CPU of the target, in microseconds. */
  readonly cpuUs: number
  /** Requests or chunks that this CPU was spent on. */
  readonly units: number
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly rssMib: number
  readonly errors: number
}

export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** NaN when nothing was done: such a round shows up as invalid instead of as free. */
export function costUs(sample: Sample): number {
  return sample.units === 0 ? Number.NaN : sample.cpuUs / sample.units
}

/** @throws RangeError for no values. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const [min, max] = [sorted[0], sorted.at(-1)]
  if (min === undefined || max === undefined) throw new RangeError('no values')
  const low = sorted[Math.floor((sorted.length - 1) / 2)] ?? min
  const high = sorted[Math.ceil((sorted.length - 1) / 2)] ?? max
  return { median: (low + high) / 2, min, max }
}

/**
 * Round by round: cost of the target / cost of `hops` hops of the base. A PD request makes two upstream requests,
 * so two hops are what it needs at least; a chunk makes one.
 */
export function ratioOf(target: readonly Sample[], base: readonly Sample[], hops: number): Spread {
  return spreadOf(
    target.map((sample, round) => {
      const other = base[round]
      return other === undefined ? Number.NaN : costUs(sample) / (hops * costUs(other))
    }),
  )
}

/** A row counts only when every request of every round was answered well. */
export function isValid(samples: readonly Sample[]): boolean {
  return samples.every(sample => sample.errors === 0 && sample.units > 0)
}
