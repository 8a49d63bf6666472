import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { AbortOrder } from '../../../src/core/abort-order.ts'
import { AbortByRid } from '../../../workers/abort-by-rid.ts'

suite('AbortByRid', () => {
  test('applies an order on its own thread at once, and once on every other thread', async t => {
    const here: AbortOrder[] = []
    const { promise, resolve } = Promise.withResolvers<AbortOrder>()
    const [near, far] = [new AbortByRid(order => here.push(order)), new AbortByRid(resolve)]
    t.after(() => {
      near.close()
      far.close()
    })
    near.send({ rid: 'a' })
    assert.deepEqual(here, [{ rid: 'a' }])
    // The channel alone does not keep the process alive.
    const timer = setTimeout(() => undefined, 5000)
    assert.deepEqual(await promise, { rid: 'a' })
    clearTimeout(timer)
    assert.equal(here.length, 1)
  })
})
