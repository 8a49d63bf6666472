import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { type AbortOrder, matchesAbort, readAbortOrder } from '../../../src/core/abort-order.ts'

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

suite('isMeant', () => {
  const cases: readonly [what: string, rid: string | undefined, body: string, is: boolean][] = [
    ['all when no rid is named', undefined, 'anything', true],
    ['the request of that rid', 'a-1', '{"text":"x","rid":"a-1"}', true],
    ['the request of that rid, whatever the blanks', 'a-1', '{ "rid" : "a-1" }', true],
    ['a batch that has it', 'b', '{"rid":["a","b"]}', true],
    ['none that only says it', 'a-1', '{"text":"a-1","rid":"a-2"}', false],
    ['none that has it deeper', 'a-1', '{"metadata":{"rid":"a-1"}}', false],
    ['none whose rid begins with it', 'a', '{"rid":"a-1"}', false],
    ['none without a rid', 'a-1', '{"text":"x"}', false],
    ['none that is no JSON', 'a-1', '{"rid":"a-1"', false],
    ['a rid that may be written in several ways', 'Stück/1', '{"rid":"St\\u00fcck\\/1"}', true],
    ['a rid that is written as it is', 'Stück/1', '{"rid":"Stück/1"}', true],
  ]
  for (const [what, rid, body, is] of cases)
    test(`means ${what}`, () => assert.equal(matchesAbort({ rid }, Buffer.from(body)), is))

  test('reads shared memory, in which large bodies lie', () => {
    const text = Buffer.from(JSON.stringify({ text: 'x'.repeat(100_000), rid: 'far' }))
    const shared = new Uint8Array(new SharedArrayBuffer(text.length))
    shared.set(text)
    assert.deepEqual(
      [matchesAbort({ rid: 'far' }, shared), matchesAbort({ rid: 'near' }, shared)],
      [true, false],
    )
  })
})
