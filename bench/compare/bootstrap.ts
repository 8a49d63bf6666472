/** How sure a median is: a percentile bootstrap over independent figures. Pure; chance is handed in. */

import type { Random } from '../../src/core/random.ts'
import { percentileOf, sorted } from '../load/percentiles.ts'
import { smallSampleWidth } from './student.ts'

export interface Interval {
  readonly median: number
  readonly low: number
  readonly high: number
}

const RESAMPLES = 4000

/**
 * The interval is widened as Student's is: the bootstrap of a small sample comes out too narrow, and three values
 * lie on one side of zero by chance once in four times. Both sides are as wide as the wider one: of a few values the
 * one beyond the median may lie beside it by chance. One value alone says nothing about its spread.
 *
 * @param level Confidence, 0..1.
 */
export function medianInterval(values: readonly number[], level: number, chance: Random): Interval {
  const median = percentileOf(sorted(values), 50)
  if (values.length < 2) return { median, low: -Infinity, high: Infinity }
  const drawn = new Float64Array(values.length)
  const medians = new Float64Array(RESAMPLES).map(() => resampledMedian(values, drawn, chance)).toSorted()
  const widened = smallSampleWidth(values.length, level)
  const tail = (100 * (1 - level)) / 2
  const side = (percent: number) => Math.abs(percentileOf(medians, percent) - median)
  const half = Math.max(side(tail), side(100 - tail)) * widened
  return { median, low: median - half, high: median + half }
}

/** `drawn` is written over: thousands are drawn, one after the other. */
function resampledMedian(values: readonly number[], drawn: Float64Array, chance: Random): number {
  for (let at = 0; at < drawn.length; at++) drawn[at] = values[Math.floor(chance() * values.length)] ?? 0
  // oxlint-disable-next-line unicorn/no-array-sort -- a copy for each draw takes twice as long
  return percentileOf(drawn.sort(), 50)
}
