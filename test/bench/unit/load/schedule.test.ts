/** Tests of bench/load/schedule.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ArrivalOptions, arrivalTimes } from '../../../../bench/load/schedule.ts'

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

/** Standard deviation of the gaps over their mean: 1 for a Poisson process, 1 / sqrt(shape) for gamma. */
function variation(at: Float64Array): number {
  const gaps = at.map((time, place) => time - (at[place - 1] ?? 0))
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length
  return Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length) / mean
}

test('the same seed gives the same times, another seed others', () => {
  assert.deepEqual(times(), times())
  assert.notDeepEqual(times(), times({ seed: 2 }))
})

for (const burstiness of [0.25, 1, 4, Infinity]) {
  test(`gaps of burstiness ${burstiness} vary as a gamma distribution does, and the rate is exact`, () => {
    const at = times({ burstiness })
    assert.ok(Math.abs((at.at(-1) ?? 0) - COUNT * 10) < 1e-6)
    const wanted = 1 / Math.sqrt(burstiness)
    assert.ok(Math.abs(variation(at) - wanted) <= 0.08 * wanted, `${variation(at)}, not ${wanted}`)
    assert.ok(at.every((time, place) => time >= (at[place - 1] ?? 0)))
  })
}

test('an infinite rate is all at once', () => {
  assert.ok(times({ ratePerSecond: Infinity }).every(time => time === 0))
})

for (const shape of ['linear', 'exponential'] as const) {
  test(`a ${shape} ramp begins with its first rate and ends with its last`, () => {
    const ramp = { shape, startRatePerSecond: 10, endRatePerSecond: 1000 }
    const at = times({ ramp, burstiness: Infinity })
    assert.ok(Math.abs((at[0] ?? 0) - 100) < 1e-6)
    assert.ok(Math.abs((at.at(-1) ?? 0) - (at.at(-2) ?? 0) - 1) < 1e-6)
  })
}
