import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StallClock } from '../../../src/dispatch/stall-clock.ts'

const STALL_MS = 1000
const INTERVAL_MS = 200

/** Polls one thread every 200 ms, with these heartbeat counts. Returns the times at which it counts as stalled. */
function stallsOf(beats: readonly number[], clock = new StallClock(STALL_MS, INTERVAL_MS)): number[] {
  return beats.flatMap((count, poll) =>
    clock.poll(poll * INTERVAL_MS, new Map([[0, count]])).length > 0 ? [poll * INTERVAL_MS] : [],
  )
}

test('a thread that beats is never stalled', () => {
  assert.deepEqual(stallsOf([1, 2, 3, 4, 5, 6, 7, 8, 9]), [])
})

test('a thread is stalled once its count has not changed for the limit', () => {
  assert.deepEqual(stallsOf([5, 6, 6, 6, 6, 6, 6]), [1200])
})

test('a beat just before the limit restarts the wait', () => {
  assert.deepEqual(stallsOf([5, 5, 5, 5, 5, 6, 6, 6, 6, 6, 6]), [2000])
})

test('a count that wraps around has changed', () => {
  assert.deepEqual(stallsOf([2 ** 31 - 1, 2 ** 31 - 1, -(2 ** 31), -(2 ** 31)]), [])
})

test('time without polls does not count', () => {
  const clock = new StallClock(STALL_MS, INTERVAL_MS)
  const beats = new Map([[0, 7]])
  assert.deepEqual(clock.poll(0, beats), [])
  assert.deepEqual(clock.poll(60_000, beats), [])
  assert.deepEqual(clock.poll(60_200, beats), [])
  const later = [60_400, 60_600, 60_800, 61_000].filter(nowMs => clock.poll(nowMs, beats).length > 0)
  assert.deepEqual(later, [60_800, 61_000], '200 ms before the gap and 800 ms after it')
})

test('each thread has its own count, and a successor starts with the full limit', () => {
  const clock = new StallClock(STALL_MS, INTERVAL_MS)
  for (let poll = 0; poll < 5; poll++) {
    assert.deepEqual(
      clock.poll(
        poll * INTERVAL_MS,
        new Map([
          [0, 3],
          [1, poll],
        ]),
      ),
      [],
    )
  }
  clock.forget(0)
  assert.deepEqual(
    clock.poll(
      1000,
      new Map([
        [0, 3],
        [1, 5],
      ]),
    ),
    [],
  )
})
