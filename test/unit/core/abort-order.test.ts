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
  const cases: readonly [what: string, rid: string, clientRid: unknown, share: string][] = [
    ['the request with the rid', 'a-1', 'a-1', 'all'],
    ['one prompt of a batch that contains the rid', 'b', ['a', 'b'], 'prompt'],
    ['all of a batch with one prompt', 'b', ['b'], 'all'],
    ['one prompt of a batch with one name for all', 'a-1_7', 'a-1', 'prompt'],
    ['the whole request whose rid ends with a number', 'a_7', 'a_7', 'all'],
    ['no request with another rid', 'a-1', 'a-2', 'nothing'],
    ['no request whose rid only starts with it', 'a', 'a-1', 'nothing'],
    ['no request without a rid', 'a-1', undefined, 'nothing'],
    ['no request whose rid is no text', '7', 7, 'nothing'],
    ['no batch without the rid', 'c', ['a', 'b'], 'nothing'],
  ]
  for (const [what, rid, clientRid, share] of cases)
    test(`is that of ${what}`, () => assert.equal(abortedShare(rid, clientRid), share))

  test('is the whole request with its last prompt', () => {
    const clientRid = ['a', 'b', 'c']
    assert.equal(abortedShare('a', clientRid, ['c']), 'prompt')
    assert.equal(abortedShare('a', clientRid, ['c', 'b']), 'all')
  })
})
