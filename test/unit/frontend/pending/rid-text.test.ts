import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { ridTextIn } from '../../../../src/frontend/pending/rid-text.ts'

function found(body: string, key = 'rid'): string {
  return Buffer.from(ridTextIn(Buffer.from(body), key)).toString()
}

suite('ridTextIn', () => {
  const cases: readonly [what: string, body: string, text: string][] = [
    ['a text', '{"text":"x","rid":"a-1"}', '"a-1"'],
    ['a text with white space around it', '{ "rid" : "a-1" , "n":1}', ' "a-1" '],
    ['a list', '{"rid":["a","b"],"text":["x","y"]}', '["a","b"]'],
    ['an object, with its members', '{"rid":{"rid":1,"b":[2]}}', '{"rid":1,"b":[2]}'],
    ['a text with brackets and quotes in it', '{"rid":"a\\"}],{","n":1}', '"a\\"}],{"'],
    ['the last of several', '{"rid":"a","rid":"b","n":1}', '"b"'],
    ['what is after a text that reads like the member', '{"text":"\\"rid\\":7","rid":"b"}', '"b"'],
    ['what is after a value that reads like the key', '{"text":"rid","rid":"b"}', '"b"'],
    ['nothing at a lower level', '{"metadata":{"rid":"a"},"list":[{"rid":"b"}]}', ''],
    ['nothing of a value that reads like the key', '{"text":"rid","n":1}', ''],
    ['nothing of a longer key', '{"a_rid":"a","rid_":"b"}', ''],
    ['nothing that has no end', '{"rid":"a-1"', ''],
    ['nothing in a text without an end', '{"text":"\\"rid\\":1}', ''],
    ['nothing in an empty body', '', ''],
  ]
  for (const [what, body, text] of cases) test(`finds ${what}`, () => assert.equal(found(body), text))

  test('finds the member of another name', () => {
    assert.equal(found('{"rid":"a","request_id":"b"}', 'request_id'), '"b"')
  })

  test('finds the same value as JSON.parse, for any object and white space', () => {
    const short = ['rid', '"rid":1', '\\', '\\"', '}', ',']
    const long = ['x', '\\', '\\"', '"', 'abc"', '\\\\"'].map(text => text.repeat(90))
    const odd = fc.array(fc.constantFrom(...short, ...long), { maxLength: 4 }).map(texts => texts.join(''))
    const value = fc.oneof(fc.jsonValue(), odd)
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.oneof(fc.string(), fc.constant('rid')), value)),
        fc.constantFrom('', ' ', '\n\t'),
        (members, space) => {
          const object = Object.fromEntries(members)
          const text = found(JSON.stringify(object, undefined, space))
          assert.deepEqual(text === '' ? undefined : JSON.parse(text), JSON.parse(JSON.stringify(object)).rid)
        },
      ),
      { seed: 5, numRuns: 500 },
    )
  })

  test('reads bodies in shared memory', () => {
    const text = Buffer.from(JSON.stringify({ text: 'x'.repeat(50_000), rid: 'far' }))
    const shared = new Uint8Array(new SharedArrayBuffer(text.length))
    shared.set(text)
    assert.equal(Buffer.from(ridTextIn(shared, 'rid')).toString(), '"far"')
  })
})
