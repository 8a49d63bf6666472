/** Counts of several processes are added up by second before the peak is determined. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SecondCounts } from '../../../../../bench/load/records/second-counts.ts'

test('counts of several processes in one second are added up before the peak is determined', () => {
  const [first, second, all] = [new SecondCounts(), new SecondCounts(), new SecondCounts()]
  first.add(0, 5)
  first.add(1, 3)
  first.add(1, 1)
  second.add(1, 3)
  second.add(9, 6)
  for (const [index, count] of [...first.take(), ...second.take()]) all.add(index, count)
  assert.equal(all.max(), 7)
})

test('counts that were taken are not returned again', () => {
  const counts = new SecondCounts()
  assert.equal(counts.max(), 0)
  counts.add(2, 4)
  assert.deepEqual(counts.take(), [[2, 4]])
  assert.deepEqual(counts.take(), [])
})
