import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StormFilter } from '../../../src/telemetry/log-storm.ts'

const LIMITS = { burstLines: 2, periodMs: 1000 }

test('the first lines of a kind are written, the rest becomes one summary at the end of the period', () => {
  const filter = new StormFilter<string>(LIMITS)
  const admit = (status: number, nowMs: number) =>
    filter.admits('retry', 'retry', { status, decode: 'http://d:1', error: `failed ${nowMs}` }, nowMs)
  assert.deepEqual(
    [admit(500, 0), admit(500, 1), admit(500, 2), admit(503, 3), admit(500, 4)],
    [true, true, false, false, false],
  )
  assert.deepEqual(filter.end(999), [])
  assert.deepEqual(filter.end(1000), [
    {
      kind: 'retry',
      count: 3,
      values: { status: '500=2 503=1', decode: 'http://d:1=3' },
      last: { status: 500, decode: 'http://d:1', error: 'failed 4' },
    },
  ])
})

test('while a storm lasts there are only summaries, and after a calm period lines are written again', () => {
  const filter = new StormFilter<string>(LIMITS)
  const admitted: boolean[] = []
  const counts: number[] = []
  for (let nowMs = 0; nowMs < 3000; nowMs += 100) {
    counts.push(...filter.end(nowMs).map(({ count }) => count))
    admitted.push(filter.admits('retry', 'retry', {}, nowMs))
  }
  counts.push(...filter.end(3000).map(({ count }) => count))
  assert.equal(admitted.filter(Boolean).length, 2)
  assert.deepEqual(counts, [8, 10, 10])
  assert.deepEqual(filter.end(4000), [])
  assert.equal(filter.admits('retry', 'retry', {}, 4001), true)
})

test('another kind of line is not affected by a storm', () => {
  const filter = new StormFilter<string>(LIMITS)
  for (let line = 0; line < 100; line++) filter.admits('retry', 'retry', {}, 0)
  assert.equal(filter.admits('failed', 'failed', {}, 0), true)
})

test('the number of values in a summary is bounded', () => {
  const filter = new StormFilter<string>({ burstLines: 1, periodMs: 1000 })
  for (let engine = 0; engine <= 100; engine++) filter.admits('retry', 'retry', { url: `e${engine}` }, 0)
  const [summary] = filter.end(Infinity)
  const values = summary?.values['url']?.split(' ') ?? []
  assert.equal(values.length, 17)
  assert.equal(values.at(-1), 'other=84')
})

test('nothing ends while nothing has begun', () => {
  const filter = new StormFilter<string>(LIMITS)
  assert.equal(filter.nextEndMs, undefined)
  filter.admits('retry', 'retry', {}, 500)
  assert.equal(filter.nextEndMs, 1500)
})
