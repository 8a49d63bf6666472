/** Data of the plots: a load over time, and the shape of a distribution. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { array, assert as assertAlways, double, property } from 'fast-check'
import { distributionOf } from '../../../../bench/report/distribution.ts'
import { inFlightOf } from '../../../../bench/report/in-flight.ts'
import { timelineOf } from '../../../../bench/report/timeline.ts'
import { recordOf, resultOf } from '../../support/load-result.ts'

const sum = (values: readonly number[]) => values.reduce((total, one) => total + one, 0)

test('a timeline counts every correct response, wrong response and token once', () => {
  const records = [
    ...Array.from({ length: 300 }, (_, index) => recordOf({ sentMs: index * 10, endMs: index * 10 + 500 })),
    recordOf({ outcome: 'failed', endMs: 700 }),
    recordOf({ outcome: 'refused', endMs: 800 }),
    recordOf({ outcome: 'left', endMs: 900 }),
  ]
  const seconds = 3.49
  const line = timelineOf(resultOf(records), seconds)
  const total = (values: readonly number[]) => Math.round(sum(values) * line.stepSeconds)
  assert.equal(total(line.correctPerSecond), 300)
  assert.equal(total(line.errorsPerSecond), 2)
  assert.equal(total(line.outputTokensPerSecond), 303 * 5)
  assert.ok(Math.abs(line.stepSeconds * line.inFlight.length - seconds) < 1e-9)
})

test('unfinished requests are in flight to the end', () => {
  const unfinished = [{ sentMs: 0, endMs: 2000 }]
  const line = timelineOf({ ...resultOf([], { requests: 1 }), unfinished }, 2)
  assert.deepEqual(new Set(line.inFlight), new Set([1]))
  assert.deepEqual(new Set(line.latencyP99Ms), new Set([null]))
})

test('tokens of a stream are spread over its duration, those of other responses count at the end', () => {
  const stream = recordOf({ firstTokenMs: 0, lastTokenMs: 1000, endMs: 1000, outputTokens: 100 })
  const spread = timelineOf(resultOf([stream]), 1).outputTokensPerSecond
  assert.deepEqual(new Set(spread), new Set([100]))
  const whole = recordOf({ firstTokenMs: undefined, lastTokenMs: undefined, endMs: 1000, outputTokens: 100 })
  const atEnd = timelineOf(resultOf([whole]), 1).outputTokensPerSecond
  assert.equal(atEnd.filter(value => value > 0).length, 1)
  assert.ok((atEnd.at(-1) ?? 0) > 0)
})

test('the maximum in flight counts requests open at one moment, with ends before starts', () => {
  const times = [
    [0, 10],
    [5, 20],
    [10, 30],
    [40, 50],
  ] as const
  const records = times.map(([sentMs, endMs]) => recordOf({ sentMs, endMs }))
  const { max, mean } = inFlightOf(resultOf(records), 0.05)
  assert.equal(max, 2)
  assert.ok(Math.abs(mean - 55 / 50) < 1e-9)
})

test('a histogram counts every sample in ascending bins, and quantiles ascend from the smallest to the largest sample', () => {
  const samples = array(double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 200 })
  assertAlways(
    property(samples, values => {
      const { shape } = distributionOf(values)
      assert.equal(sum(shape.counts), values.length)
      assert.equal(shape.edgesMs.length, shape.counts.length + 1)
      for (const [index, edge] of shape.edgesMs.entries())
        assert.ok(index === 0 || edge > (shape.edgesMs[index - 1] ?? Infinity))
      const quantiles = shape.quantilesMs.map(([, ms]) => ms)
      assert.deepEqual(
        quantiles,
        quantiles.toSorted((a, b) => a - b),
      )
    }),
  )
})

test('a long tail gets growing bins, a short one equal bins', () => {
  const [first = 0, last = 0] = widths([10, 11, 12, 13, 900])
  assert.ok(last > 5 * first)
  const [even = 0, alike = 0] = widths([10, 11, 12, 13, 20])
  assert.ok(Math.abs(even - alike) < 0.01)
})

/** Widths of the first and the last bin. */
function widths(values: readonly number[]): number[] {
  const { edgesMs } = distributionOf(values).shape
  return [edgesMs[1], edgesMs.at(-1)].map(
    (edge, index) => (edge ?? 0) - (edgesMs.at(index === 0 ? 0 : -2) ?? 0),
  )
}
