import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { collectGarbage } from '../../../src/process/collect-garbage.ts'

test('frees at once what nobody holds any more', async () => {
  const seen = new WeakRef(new SharedArrayBuffer(1024))
  // A weak reference that was just made holds its target to the end of this turn.
  await setImmediate()
  collectGarbage()
  assert.equal(seen.deref(), undefined)
})
