import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StallClock } from '../../../src/dispatch/stall-clock.ts'

const STALL_MS = 1000
const EVERY_MS = 200

/** Looks at one thread every 200 ms; `beats` are what its cell shows. Returns the times at which it counts as stalled. */
function stallsOf(beats: readonly number[], watch = new StallClock(STALL_MS, EVERY_MS)): number[] {
  return beats.flatMap((count, at) =>
    watch.poll(at * EVERY_MS, new Map([[0, count]])).length > 0 ? [at * EVERY_MS] : [],
  )
}

test('a thread that beats is never stalled', () => {
  assert.deepEqual(stallsOf([1, 2, 3, 4, 5, 6, 7, 8, 9]), [])
})

test('a thread is stalled once its beat has stood still for the limit', () => {
  assert.deepEqual(stallsOf([5, 6, 6, 6, 6, 6, 6]), [1200])
})

test('a beat just before the limit starts the wait anew', () => {
  assert.deepEqual(stallsOf([5, 5, 5, 5, 5, 6, 6, 6, 6, 6, 6]), [2000])
})

test('a cell that wraps around has beaten', () => {
  assert.deepEqual(stallsOf([2 ** 31 - 1, 2 ** 31 - 1, -(2 ** 31), -(2 ** 31)]), [])
})

test('time in which nobody looked is not held against a thread', () => {
  const watch = new StallClock(STALL_MS, EVERY_MS)
  const beats = new Map([[0, 7]])
  assert.deepEqual(watch.poll(0, beats), [])
  assert.deepEqual(watch.poll(60_000, beats), [])
  assert.deepEqual(watch.poll(60_200, beats), [])
  const later = [60_400, 60_600, 60_800, 61_000].filter(nowMs => watch.poll(nowMs, beats).length > 0)
  assert.deepEqual(later, [60_800, 61_000], 'it stood still for 200 ms before, and 800 after')
})

test('each thread is told by its own beat, and a successor starts anew', () => {
  const watch = new StallClock(STALL_MS, EVERY_MS)
  for (let at = 0; at < 5; at++) {
    assert.deepEqual(
      watch.poll(
        at * EVERY_MS,
        new Map([
          [0, 3],
          [1, at],
        ]),
      ),
      [],
    )
  }
  watch.forget(0)
  assert.deepEqual(
    watch.poll(
      1000,
      new Map([
        [0, 3],
        [1, 5],
      ]),
    ),
    [],
  )
})
