/** Confidence interval of a median: a percentile bootstrap over independent figures. Pure; randomness is passed in. */

import type { Random } from '../../src/core/random.ts'
import { percentileOf, sorted } from '../report/percentiles.ts'
import { smallSampleWidth } from './student.ts'

export interface Interval {
  readonly median: number
  readonly low: number
  readonly high: number
}

const RESAMPLES = 4000

/**
 * The interval is widened like Student's, because the bootstrap of a small sample is too narrow: three values lie on one
 * side of zero by chance in one of four cases. Both sides are as wide as the wider one, because with few values one side
 * may be narrow by chance. The interval of a single value is infinite.
 *
 * @param level Confidence, 0..1.
 */
export function medianInterval(values: readonly number[], level: number, random: Random): Interval {
  const median = percentileOf(sorted(values), 50)
  if (values.length < 2) return { median, low: -Infinity, high: Infinity }
  const drawn = new Float64Array(values.length)
  const medians = new Float64Array(RESAMPLES).map(() => resampledMedian(values, drawn, random)).toSorted()
  const widened = smallSampleWidth(values.length, level)
  const tail = (100 * (1 - level)) / 2
  const side = (percent: number) => Math.abs(percentileOf(medians, percent) - median)
  const half = Math.max(side(tail), side(100 - tail)) * widened
  return { median, low: median - half, high: median + half }
}

/** Overwrites `drawn`, which is reused for thousands of samples. */
function resampledMedian(values: readonly number[], drawn: Float64Array, random: Random): number {
  for (let index = 0; index < drawn.length; index++)
    drawn[index] = values[Math.floor(random() * values.length)] ?? 0
  // oxlint-disable-next-line unicorn/no-array-sort -- a copy for each draw takes twice as long
  return percentileOf(drawn.sort(), 50)
}
