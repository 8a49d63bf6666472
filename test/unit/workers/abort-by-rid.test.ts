import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { AbortByRid, type AbortOrder, readAbortOrder } from '../../../workers/abort-by-rid.ts'

suite('readAbortOrder', () => {
  const bodies: readonly [what: string, body: string, order: AbortOrder | 'nothing' | undefined][] = [
    ['names one request', '{"rid":"a"}', { rid: 'a' }],
    ['names one request, also when it says "not all"', '{"rid":"a","abort_all":false}', { rid: 'a' }],
    ['names all', '{"abort_all":true}', { rid: undefined }],
    ['names all, whatever rid there is', '{"rid":"a","abort_all":true}', { rid: undefined }],
    ['names nothing by an empty rid', '{"rid":""}', 'nothing'],
    ['names nothing by an empty object', '{}', 'nothing'],
    ['names nothing by a rid that is no text', '{"rid":7}', 'nothing'],
    ['does not take text for true', '{"abort_all":"true"}', 'nothing'],
    ['makes no sense of nothing', '', undefined],
    ['makes no sense of null', 'null', undefined],
    ['makes no sense of what is not JSON', '{"rid":', undefined],
  ]
  for (const [what, body, order] of bodies)
    test(what, () => assert.deepEqual(readAbortOrder(Buffer.from(body)), order))
})

suite('AbortByRid', () => {
  test('carries an order out here at once, and once on every other thread', async t => {
    const here: AbortOrder[] = []
    const { promise, resolve } = Promise.withResolvers<AbortOrder>()
    const [near, far] = [new AbortByRid(order => here.push(order)), new AbortByRid(resolve)]
    t.after(() => {
      near.close()
      far.close()
    })
    near.send({ rid: 'a' })
    assert.deepEqual(here, [{ rid: 'a' }])
    // The channel alone does not keep the process awake.
    const timer = setTimeout(() => undefined, 5000)
    assert.deepEqual(await promise, { rid: 'a' })
    clearTimeout(timer)
    assert.equal(here.length, 1)
  })
})
