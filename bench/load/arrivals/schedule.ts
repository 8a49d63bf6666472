/**
 * When each request of an open-loop run is due, determined by the seed before the start.
 *
 * Gaps are gamma-distributed with mean 1 (`burstiness` is the shape: 1 is a Poisson process, less is burstier, infinity
 * is constant) and scaled to the rate. As in vLLM's `bench serve`, the schedule is then scaled to its exact length, so
 * that every seed offers the same mean rate.
 */
import { type Random, seededRandom } from '../../../src/core/random.ts'

interface Ramp {
  readonly shape: 'linear' | 'exponential'
  readonly startRatePerSecond: number
  readonly endRatePerSecond: number
}

export interface ArrivalOptions {
  readonly count: number
  /** Infinity sends all requests at once. */
  readonly ratePerSecond: number
  /** Above 0; Infinity makes all gaps equal. */
  readonly burstiness: number
  /** Replaces the single rate: changes it from the first request to the last. */
  readonly ramp: Ramp | undefined
  readonly seed: number
}

/** The due time of each request in milliseconds from the start of the run, ascending. */
export function arrivalTimes(options: ArrivalOptions): Float64Array {
  const { count, ratePerSecond, burstiness, ramp, seed } = options
  const times = new Float64Array(count)
  if (ramp === undefined && ratePerSecond === Infinity) return times
  const random = seededRandom(seed)
  let wantedMs = 0
  let drawnMs = 0
  for (let index = 0; index < count; index++) {
    const gapMs = 1000 / (ramp === undefined ? ratePerSecond : rateAt(ramp, index / Math.max(1, count - 1)))
    wantedMs += gapMs
    drawnMs += gapMs * gammaOfMeanOne(burstiness, random)
    times[index] = drawnMs
  }
  const scale = drawnMs === 0 ? 1 : wantedMs / drawnMs
  return times.map(time => time * scale)
}

/** The rate of a ramp after `share`, 0..1, of the requests. */
export function rateAt(
  { shape, startRatePerSecond: from, endRatePerSecond: to }: Ramp,
  share: number,
): number {
  return shape === 'linear' ? from + (to - from) * share : from * (to / from) ** share
}

function gammaOfMeanOne(shape: number, random: Random): number {
  if (shape === Infinity) return 1
  if (shape === 1) return -Math.log(1 - random())
  return gamma(shape, random) / shape
}

/** Marsaglia and Tsang, "A simple method for generating gamma variables" (2000). */
function gamma(shape: number, random: Random): number {
  if (shape < 1) return gamma(shape + 1, random) * (1 - random()) ** (1 / shape)
  const d = shape - 1 / 3
  const c = 1 / Math.sqrt(9 * d)
  for (;;) {
    const x = normal(random)
    const v = (1 + c * x) ** 3
    if (v > 0 && Math.log(1 - random()) < x * x * 0.5 + d - d * v + d * Math.log(v)) return d * v
  }
}

/** Box-Muller transform. */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}
