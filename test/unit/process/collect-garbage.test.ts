import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { collectGarbage } from '../../../src/process/collect-garbage.ts'

test('frees unreachable objects at once', async () => {
  const seen = new WeakRef(new SharedArrayBuffer(1024))
  // A new WeakRef keeps its target alive until the end of the current turn.
  await setImmediate()
  collectGarbage()
  assert.equal(seen.deref(), undefined)
})
