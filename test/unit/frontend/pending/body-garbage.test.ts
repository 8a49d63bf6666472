import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BodyGarbage } from '../../../../src/frontend/pending/body-garbage.ts'

const MIB = 1024 * 1024

test('collects once a sixteenth of the memory may be garbage of large bodies', t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let collections = 0
  const garbage = new BodyGarbage(160 * MIB, () => collections++)
  for (let index = 0; index < 1000; index++) garbage.add(MIB / 4)
  t.mock.timers.tick(1000)
  assert.equal(collections, 0, 'small bodies do not count')
  garbage.add(9 * MIB)
  t.mock.timers.tick(1000)
  assert.equal(collections, 0)
  garbage.add(5 * MIB)
  garbage.add(5 * MIB)
  assert.equal(collections, 0, 'not before the last rows are sent')
  t.mock.timers.tick(1000)
  assert.equal(collections, 1)
  garbage.add(20 * MIB)
  garbage.close()
  t.mock.timers.tick(1000)
  assert.equal(collections, 1)
})
