/**
 * When each request of an open-loop run is due: fixed before the start, from a seed alone.
 *
 * Gaps are gamma distributed with mean 1 (`burstiness` is the shape: 1 makes a Poisson process, less is burstier,
 * infinity is constant) and scaled to the rate. As vLLM's `bench serve` does, the whole is scaled to the exact length,
 * so that two seeds offer the same mean rate.
 */
import { type Random, seededRandom } from '../../src/core/random.ts'

interface Ramp {
  readonly shape: 'linear' | 'exponential'
  readonly startRatePerSecond: number
  readonly endRatePerSecond: number
}

export interface ArrivalOptions {
  readonly count: number
  /** Infinity: all at once. */
  readonly ratePerSecond: number
  /** Above 0; Infinity for equal gaps. */
  readonly burstiness: number
  /** In place of one rate: from the first request to the last. */
  readonly ramp: Ramp | undefined
  readonly seed: number
}

/** Milliseconds from the start of the run, never falling, one for each request. */
export function arrivalTimes(options: ArrivalOptions): Float64Array {
  const { count, ratePerSecond, burstiness, ramp, seed } = options
  const times = new Float64Array(count)
  if (ramp === undefined && ratePerSecond === Infinity) return times
  const chance = seededRandom(seed)
  let wantedMs = 0
  let drawnMs = 0
  for (let at = 0; at < count; at++) {
    const gapMs = 1000 / (ramp === undefined ? ratePerSecond : rateAt(ramp, at / Math.max(1, count - 1)))
    wantedMs += gapMs
    drawnMs += gapMs * gammaOfMeanOne(burstiness, chance)
    times[at] = drawnMs
  }
  const scale = drawnMs === 0 ? 1 : wantedMs / drawnMs
  return times.map(time => time * scale)
}

/** `share`: of the requests, 0..1. */
export function rateAt(
  { shape, startRatePerSecond: from, endRatePerSecond: to }: Ramp,
  share: number,
): number {
  return shape === 'linear' ? from + (to - from) * share : from * (to / from) ** share
}

function gammaOfMeanOne(shape: number, chance: Random): number {
  if (shape === Infinity) return 1
  if (shape === 1) return -Math.log(1 - chance())
  return gamma(shape, chance) / shape
}

/** Marsaglia and Tsang, "A simple method for generating gamma variables" (2000). */
function gamma(shape: number, chance: Random): number {
  if (shape < 1) return gamma(shape + 1, chance) * (1 - chance()) ** (1 / shape)
  const d = shape - 1 / 3
  const c = 1 / Math.sqrt(9 * d)
  for (;;) {
    const x = normal(chance)
    const v = (1 + c * x) ** 3
    if (v > 0 && Math.log(1 - chance()) < x * x * 0.5 + d - d * v + d * Math.log(v)) return d * v
  }
}

/** Box and Muller. */
function normal(chance: Random): number {
  return Math.sqrt(-2 * Math.log(1 - chance())) * Math.cos(2 * Math.PI * chance())
}
