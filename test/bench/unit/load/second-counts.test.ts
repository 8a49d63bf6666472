/** Tests of the count of tokens in each second: parts of it from several processes make one peak. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SecondCounts } from '../../../../bench/load/second-counts.ts'

test('what several processes counted in a second is summed before the peak is looked for', () => {
  const [first, second, all] = [new SecondCounts(), new SecondCounts(), new SecondCounts()]
  first.add(0, 5)
  first.add(1, 3)
  first.add(1, 1)
  second.add(1, 3)
  second.add(9, 6)
  for (const [at, count] of [...first.take(), ...second.take()]) all.add(at, count)
  assert.equal(all.most(), 7)
})

test('what is taken is not counted again', () => {
  const counts = new SecondCounts()
  assert.equal(counts.most(), 0)
  counts.add(2, 4)
  assert.deepEqual(counts.take(), [[2, 4]])
  assert.deepEqual(counts.take(), [])
})
