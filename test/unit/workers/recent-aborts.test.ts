import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RecentAborts } from '../../../workers/recent-aborts.ts'

test('knows the rids that were aborted after a request was received', () => {
  let nowMs = 1000
  const aborts = new RecentAborts(500, () => nowMs)
  assert.equal(aborts.after(0), undefined)
  aborts.add('a')
  nowMs = 1200
  aborts.add('b')
  assert.deepEqual(aborts.after(900), new Set(['a', 'b']))
  assert.deepEqual(aborts.after(1100), new Set(['b']))
  assert.deepEqual(aborts.after(1199), new Set(['b']))
  assert.equal(aborts.after(1200), undefined, 'the request may use the rid again')
  nowMs = 1600
  aborts.add('c')
  assert.deepEqual(aborts.after(0), new Set(['b', 'c']), 'the first is older than any request that waits')
})

test('forgets the oldest when there are too many', () => {
  const aborts = new RecentAborts(500, () => 0)
  for (let index = 0; index < 5000; index++) aborts.add(`rid-${index}`)
  const kept = aborts.after(-1)
  assert.equal(kept?.size, 1024)
  assert.ok(kept.has('rid-4999'))
})
