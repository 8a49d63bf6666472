/** The expected values were computed with NumPy. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { percentileOf, sorted, statisticsOf } from '../../../../bench/report/percentiles.ts'

const SAMPLES = [15, 20, 35, 40, 50]

for (const [percent, wanted] of [
  [0, 15],
  [5, 16],
  [40, 29],
  [50, 35],
  [99, 49.6],
  [100, 50],
] as const) {
  test(`the ${percent}th percentile is that of NumPy`, () => {
    assert.ok(Math.abs(percentileOf(sorted(SAMPLES.toReversed()), percent) - wanted) < 1e-9)
  })
}

test('mean, median and standard deviation are those of NumPy', () => {
  const { mean, median, std, min, max, count } = statisticsOf(sorted(SAMPLES))
  assert.deepEqual([count, mean, median, min, max], [5, 32, 35, 15, 50])
  assert.ok(Math.abs(std - 12.884_098_726_725_126) < 1e-9)
})

test('all statistics of no samples are 0', () => {
  assert.equal(percentileOf(sorted([]), 99), 0)
  assert.equal(statisticsOf(sorted([])).mean, 0)
})
