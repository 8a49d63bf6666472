import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ratioOf, type Sample, spreadOf } from '../../../../../bench/routers/costs/ratio.ts'
import { missedRows, speedRowsOf, speedTable } from '../../../../../bench/routers/report/speed-table.ts'

const SMALL = { name: 'small', bodyBytes: 512, connections: 64, goal: 2.4 }

function sample(cpuUs: number, changes: Partial<Sample> = {}): Sample {
  const rates = { requestsPerSecond: 100, p50Ms: 1, p99Ms: 2, rssMib: 20 }
  return { cpuUs, units: 10, errors: 0, ...rates, ...changes }
}

function rows(gateway: Sample) {
  return speedRowsOf(
    SMALL,
    new Map([
      ['haproxy', [sample(100)]],
      ['gateway', [gateway]],
    ]),
  )
}

test('the median of an even number of values is the mean of the middle two', () => {
  assert.deepEqual(spreadOf([4, 1, 3, 2]), { median: 2.5, min: 1, max: 4 })
  assert.deepEqual(spreadOf([10, 9, 100]), { median: 10, min: 9, max: 100 })
  assert.throws(() => spreadOf([]), RangeError)
})

test('a ratio compares rounds that ran together, so that a slow period of the machine cancels out', () => {
  const target = [sample(400), sample(800), sample(400)]
  const base = [sample(100), sample(200), sample(100)]
  assert.deepEqual(ratioOf(target, base, 2), { median: 2, min: 2, max: 2 })
})

test('a row above its goal misses it, one at its goal does not', () => {
  assert.equal(missedRows(rows(sample(480))).length, 0)
  assert.equal(missedRows(rows(sample(481))).length, 1)
})

test('a row with failed requests is invalid and always misses its goal', () => {
  const failed = rows(sample(1, { errors: 3 }))
  assert.equal(missedRows(failed).length, 1)
  assert.match(speedTable(failed), /gateway .* 3 INVALID/)
})

test('a row without any work done is invalid instead of free', () => {
  assert.equal(missedRows(rows(sample(100, { units: 0 }))).length, 1)
})

test('the cost of chunks is compared with one hop of haproxy', () => {
  const samples = new Map([
    ['haproxy', [sample(100)]],
    ['gateway', [sample(250)]],
  ])
  const [, gateway] = speedRowsOf({ ...SMALL, chunkIntervalMs: 2 }, samples)
  assert.equal(gateway?.ratio?.median, 2.5)
  assert.equal(gateway?.unit, 'chunk')
})
