/** Exact statistics of a set of samples: percentiles by linear interpolation, as numpy, sglang and vLLM compute them. */

export interface Statistics {
  readonly count: number
  readonly mean: number
  readonly median: number
  /** Of the population, as numpy's default. */
  readonly std: number
  readonly min: number
  readonly max: number
}

const NOTHING: Statistics = { count: 0, mean: 0, median: 0, std: 0, min: 0, max: 0 }

/** Samples in order; a copy. */
export function sorted(samples: Iterable<number>): Float64Array {
  return Float64Array.from(samples).toSorted()
}

/** `percent` 0..100 of samples in order; 0 when there are none. */
export function percentileOf(ordered: Float64Array, percent: number): number {
  if (ordered.length === 0) return 0
  const place = ((ordered.length - 1) * percent) / 100
  const below = ordered[Math.floor(place)] ?? 0
  const above = ordered[Math.ceil(place)] ?? below
  return below + (above - below) * (place - Math.floor(place))
}

export function statisticsOf(ordered: Float64Array): Statistics {
  const count = ordered.length
  if (count === 0) return NOTHING
  const mean = ordered.reduce((sum, one) => sum + one, 0) / count
  const variance = ordered.reduce((sum, one) => sum + (one - mean) ** 2, 0) / count
  return {
    count,
    mean,
    median: percentileOf(ordered, 50),
    std: Math.sqrt(variance),
    min: ordered[0] ?? 0,
    max: ordered[count - 1] ?? 0,
  }
}
