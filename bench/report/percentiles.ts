/** Exact statistics of samples; percentiles are interpolated linearly, as in NumPy, SGLang and vLLM. */

export interface Statistics {
  readonly count: number
  readonly mean: number
  readonly median: number
  /** Population standard deviation, as NumPy's default. */
  readonly std: number
  readonly min: number
  readonly max: number
}

const NOTHING: Statistics = { count: 0, mean: 0, median: 0, std: 0, min: 0, max: 0 }

/** An ascending copy of the samples. */
export function sorted(samples: Iterable<number>): Float64Array {
  return Float64Array.from(samples).toSorted()
}

/** The percentile `percent`, 0..100, of ascending samples; 0 if there are none. */
export function percentileOf(ordered: Float64Array, percent: number): number {
  if (ordered.length === 0) return 0
  const position = ((ordered.length - 1) * percent) / 100
  const below = ordered[Math.floor(position)] ?? 0
  const above = ordered[Math.ceil(position)] ?? below
  return below + (above - below) * (position - Math.floor(position))
}

export function statisticsOf(ordered: Float64Array): Statistics {
  const count = ordered.length
  if (count === 0) return NOTHING
  const mean = ordered.reduce((sum, sample) => sum + sample, 0) / count
  const variance = ordered.reduce((sum, sample) => sum + (sample - mean) ** 2, 0) / count
  return {
    count,
    mean,
    median: percentileOf(ordered, 50),
    std: Math.sqrt(variance),
    min: ordered[0] ?? 0,
    max: ordered[count - 1] ?? 0,
  }
}
