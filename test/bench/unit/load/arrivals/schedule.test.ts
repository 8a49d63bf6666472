import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ArrivalOptions, arrivalTimes } from '../../../../../bench/load/arrivals/schedule.ts'

const COUNT = 4000

function times(change: Partial<ArrivalOptions> = {}): Float64Array {
  return arrivalTimes({
    count: COUNT,
    ratePerSecond: 100,
    burstiness: 1,
    ramp: undefined,
    seed: 1,
    ...change,
  })
}

/** Standard deviation of the gaps divided by their mean: 1 for a Poisson process, 1 / sqrt(shape) for gamma. */
function variation(dueMs: Float64Array): number {
  const gaps = dueMs.map((time, index) => time - (dueMs[index - 1] ?? 0))
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length
  return Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length) / mean
}

test('the same seed yields the same times, another seed different ones', () => {
  assert.deepEqual(times(), times())
  assert.notDeepEqual(times(), times({ seed: 2 }))
})

for (const burstiness of [0.25, 1, 4, Infinity]) {
  test(`gaps with burstiness ${burstiness} follow a gamma distribution, and the rate is exact`, () => {
    const dueMs = times({ burstiness })
    assert.ok(Math.abs((dueMs.at(-1) ?? 0) - COUNT * 10) < 1e-6)
    const wanted = 1 / Math.sqrt(burstiness)
    assert.ok(Math.abs(variation(dueMs) - wanted) <= 0.08 * wanted, `${variation(dueMs)}, not ${wanted}`)
    assert.ok(dueMs.every((time, index) => time >= (dueMs[index - 1] ?? 0)))
  })
}

test('an infinite rate sends all requests at once', () => {
  assert.ok(times({ ratePerSecond: Infinity }).every(time => time === 0))
})

for (const shape of ['linear', 'exponential'] as const) {
  test(`a ${shape} ramp starts at its first rate and ends at its last`, () => {
    const ramp = { shape, startRatePerSecond: 10, endRatePerSecond: 1000 }
    const dueMs = times({ ramp, burstiness: Infinity })
    assert.ok(Math.abs((dueMs[0] ?? 0) - 100) < 1e-6)
    assert.ok(Math.abs((dueMs.at(-1) ?? 0) - (dueMs.at(-2) ?? 0) - 1) < 1e-6)
  })
}
