import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { type AbortOrder, abortedShare, readAbortOrder } from '../../../src/core/abort-order.ts'

suite('readAbortOrder', () => {
  const bodies: readonly [what: string, body: string, order: AbortOrder | 'nothing' | undefined][] = [
    ['reads the rid of one request', '{"rid":"a"}', { rid: 'a' }],
    ['reads the rid if abort_all is false', '{"rid":"a","abort_all":false}', { rid: 'a' }],
    ['reads abort_all', '{"abort_all":true}', { rid: undefined }],
    ['prefers abort_all to a rid', '{"rid":"a","abort_all":true}', { rid: undefined }],
    ['matches nothing for an empty rid', '{"rid":""}', 'nothing'],
    ['matches nothing for an empty object', '{}', 'nothing'],
    ['matches nothing for null', '{"rid":null,"abort_all":null}', 'nothing'],
    ['rejects a rid that is not a string', '{"rid":7}', undefined],
    ['rejects a list of rids', '{"rid":["a"]}', undefined],
    ['rejects a string as true', '{"abort_all":"true"}', undefined],
    ['rejects a list', '[]', undefined],
    ['rejects an empty body', '', undefined],
    ['rejects null', 'null', undefined],
    ['rejects invalid JSON', '{"rid":', undefined],
  ]
  for (const [what, body, order] of bodies)
    test(what, () => assert.deepEqual(readAbortOrder(Buffer.from(body)), order))
})

suite('abortedShare', () => {
  const cases: readonly [what: string, rid: string | undefined, body: string, share: string][] = [
    ['every request if the order has no rid', undefined, 'anything', 'all'],
    ['the request with the rid', 'a-1', '{"text":"x","rid":"a-1"}', 'all'],
    ['the request with the rid, whatever the whitespace', 'a-1', '{ "rid" : "a-1" }', 'all'],
    ['one prompt of a batch that contains the rid', 'b', '{"rid":["a","b"]}', 'prompt'],
    ['all of a batch with one prompt', 'b', '{"rid":["b"]}', 'all'],
    ['one prompt of a batch with one name for all', 'a-1_7', '{"text":["x"],"rid":"a-1"}', 'prompt'],
    ['the whole request whose rid ends with a number', 'a_7', '{"rid":"a_7"}', 'all'],
    ['no request with the rid in its prompt only', 'a-1', '{"text":"a-1","rid":"a-2"}', 'nothing'],
    ['no request with a nested rid only', 'a-1', '{"metadata":{"rid":"a-1"}}', 'nothing'],
    ['no request whose rid only starts with it', 'a', '{"rid":"a-1"}', 'nothing'],
    ['no request without a rid', 'a-1', '{"text":"x"}', 'nothing'],
    ['no invalid JSON', 'a-1', '{"rid":"a-1"', 'nothing'],
    ['a rid in an escaped representation', 'Stück/1', '{"rid":"St\\u00fcck\\/1"}', 'all'],
    ['a rid in its plain representation', 'Stück/1', '{"rid":"Stück/1"}', 'all'],
  ]
  for (const [what, rid, body, share] of cases)
    test(`is that of ${what}`, () => assert.equal(abortedShare({ rid }, Buffer.from(body)), share))

  test('is the whole request with its last prompt', () => {
    const body = Buffer.from('{"rid":["a","b","c"]}')
    assert.equal(abortedShare({ rid: 'a' }, body, ['c']), 'prompt')
    assert.equal(abortedShare({ rid: 'a' }, body, ['c', 'b']), 'all')
  })

  test('reads bodies in shared memory', () => {
    const text = Buffer.from(JSON.stringify({ text: 'x'.repeat(50_000), rid: 'far' }))
    const shared = new Uint8Array(new SharedArrayBuffer(text.length))
    shared.set(text)
    assert.deepEqual(
      [abortedShare({ rid: 'far' }, shared), abortedShare({ rid: 'near' }, shared)],
      ['all', 'nothing'],
    )
  })

  test('does not parse large bodies, which many requests may have that wait', () => {
    const body = Buffer.from(JSON.stringify({ text: 'x'.repeat(300_000), rid: 'far' }))
    assert.equal(abortedShare({ rid: 'far' }, body), 'nothing')
    assert.equal(abortedShare({ rid: undefined }, body), 'all')
  })
})
