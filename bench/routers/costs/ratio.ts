/**
 * Cost per unit of work, and the cost of one target as a multiple of another's. Pure.
 *
 * A round of one target is compared with the same round of the other, which ran just before or after it: the speed of
 * the machine drifts over minutes, and most of the drift cancels in the ratio.
 */

/** One measured round of one target. */
export interface Sample {
  /** CPU time of the target in the round. */
  readonly cpuUs: number
  /** Requests or chunks that this CPU time was spent on. */
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

/** CPU time per unit; NaN when nothing was done, so that such a round is invalid instead of free. */
export function costUs(sample: Sample): number {
  return sample.units === 0 ? Number.NaN : sample.cpuUs / sample.units
}

/** @throws RangeError without values. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const [min, max] = [sorted[0], sorted.at(-1)]
  if (min === undefined || max === undefined) throw new RangeError('No values')
  const low = sorted[Math.floor((sorted.length - 1) / 2)] ?? min
  const high = sorted[Math.ceil((sorted.length - 1) / 2)] ?? max
  return { median: (low + high) / 2, min, max }
}

/**
 * Round by round, the cost of the target divided by that of `hops` hops of the base. A PD request needs at least two
 * hops, because it makes two upstream requests; a chunk needs one.
 */
export function ratioOf(target: readonly Sample[], base: readonly Sample[], hops: number): Spread {
  return spreadOf(
    target.map((sample, round) => {
      const baseSample = base[round]
      return baseSample === undefined ? Number.NaN : costUs(sample) / (hops * costUs(baseSample))
    }),
  )
}

/** Whether every request of every round succeeded; otherwise the rounds prove nothing. */
export function isValid(samples: readonly Sample[]): boolean {
  return samples.every(sample => sample.errors === 0 && sample.units > 0)
}
