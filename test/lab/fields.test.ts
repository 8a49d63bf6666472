/** How the lab compares two answers field by field. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Answer } from '../../lab/client/request.ts'
import { type AllowedDifference, AllowedDifferences } from '../../lab/sglang/compare/allowed.ts'
import { differences, shapeDifferences } from '../../lab/sglang/compare/differences.ts'
import { fieldsOf } from '../../lab/sglang/compare/fields.ts'

function whole(body: unknown, status = 200): Answer {
  const headers = { 'content-type': 'application/json; charset=utf-8' }
  return { status, headers, body: JSON.stringify(body), end: 'complete', seconds: 0 }
}

function stream(...events: readonly unknown[]): Answer {
  const texts = events.map(event => `data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`)
  const headers = { 'content-type': 'text/event-stream' }
  return { status: 200, headers, body: texts.join(''), end: 'complete', seconds: 0 }
}

function delta(content: string, index = 0, finish_reason: string | null = null) {
  return { choices: [{ index, delta: { content }, finish_reason }] }
}

function progress(text: string, type?: string) {
  return { text, meta_info: { finish_reason: type === undefined ? null : { type } } }
}

function patterns(found: Answer, expected: Answer): string[] {
  return differences(fieldsOf(found), fieldsOf(expected)).map(({ pattern }) => pattern)
}

suite('two answers', () => {
  test('differ in the fields whose values differ, or that only one has', () => {
    const found = whole({ a: 1, list: [{ b: 'x' }, { b: 'y' }] })
    const expected = whole({ a: 2, list: [{ b: 'x' }, { b: 'z', c: null }] })
    assert.deepEqual(differences(fieldsOf(found), fieldsOf(expected)), [
      { pattern: 'body.a', found: '1', expected: '2' },
      { pattern: 'body.list[].b', found: '"y"', expected: '"z"' },
      { pattern: 'body.list[].c', found: 'nothing', expected: 'null' },
    ])
  })

  test('differ in their status, and not in the last digits of a fraction', () => {
    assert.deepEqual(patterns(whole({ p: -1.234_567 }, 400), whole({ p: -1.234_568 })), ['status'])
    assert.deepEqual(patterns(whole({ p: -1.5 }), whole({ p: -1.6 })), ['body.p'])
    assert.deepEqual(patterns(whole({ n: 1000 }), whole({ n: 1001 })), ['body.n'])
  })

  test('differ if one is an empty list and the other is not', () => {
    assert.deepEqual(patterns(whole({ list: [] }), whole({ list: [1] })), ['body.list', 'body.list[]'])
  })

  test('that are streams are equal however their tokens are put into events', () => {
    const one = stream(delta('a'), delta('b'), delta('c', 0, 'stop'), '[DONE]')
    const other = stream(delta('ab'), delta('c', 0, 'stop'), '[DONE]')
    assert.deepEqual(patterns(one, other), [])
    assert.deepEqual(patterns(one, stream(delta('ax'), delta('c', 0, 'stop'), '[DONE]')), [
      'events[].choices[].delta.content',
    ])
  })

  test('that are streams differ if only one says that it is done', () => {
    assert.deepEqual(patterns(stream(delta('a'), '[DONE]'), stream(delta('a'))), ['[DONE]'])
  })

  test('that are streams of several samples are equal in any order of the samples', () => {
    const one = stream(delta('a', 0), delta('x', 1), delta('b', 0), delta('y', 1), '[DONE]')
    const other = stream(delta('x', 1), delta('y', 1), delta('ab', 0), '[DONE]')
    assert.deepEqual(patterns(one, other), [])
  })

  test('that are streams of /generate have to agree in the last event only', () => {
    const one = stream(progress('a'), progress('ab'), progress('abc', 'length'), '[DONE]')
    const other = stream(progress('ab'), progress('abc', 'length'), '[DONE]')
    assert.deepEqual(patterns(one, other), [])
    assert.deepEqual(patterns(one, stream(progress('a'), progress('xyz', 'length'), '[DONE]')), [
      'events[].text',
    ])
  })

  test('differ if text follows that is not an event', () => {
    const odd = { ...stream(delta('a')), body: 'data: {"a":1}\n\nnonsense\n\n' }
    assert.deepEqual(patterns(odd, { ...odd, body: 'data: {"a":1}\n\n' }), ['events[].unexpected'])
  })
})

suite('the shapes of two answers', () => {
  test('are equal if the same members have the same types, whatever their values and lengths', () => {
    const simulated = whole({ text: 'x', ids: [1, 2, 3], reason: { type: 'length' } })
    const real = whole({ text: 'other', ids: [7], reason: { type: 'length' } })
    assert.deepEqual(shapeDifferences(fieldsOf(simulated), fieldsOf(real)), [])
  })

  test('differ in types, in members, and in names such as that of an error', () => {
    const simulated = whole({ text: null, error: { type: 'BadRequest' } })
    const real = whole({ text: 'x', error: { type: 'Other', param: null } })
    assert.deepEqual(
      shapeDifferences(fieldsOf(simulated), fieldsOf(real)).map(({ pattern }) => pattern),
      ['body.text', 'body.error.type', 'body.error.param'],
    )
  })
})

suite('the allowed differences', () => {
  const rows: readonly AllowedDifference[] = [
    { field: /\.id$/, against: ['unified'], reason: 'random' },
    {
      field: /\.count$/,
      cases: /^batch/,
      against: ['unified', 'simulator'],
      frontends: ['rust'],
      reason: 'parts',
    },
  ]
  const found = [
    { pattern: 'body.id', found: '1', expected: '2' },
    { pattern: 'body.count', found: '3', expected: '4' },
  ]

  test('leave what no row is for', () => {
    const allowed = new AllowedDifferences(rows, 'unified', 'rust')
    assert.equal(allowed.problemOf('single', found), 'body.count is 3 instead of 4')
    assert.equal(allowed.problemOf('batch of two', found), undefined)
  })

  test('that allow nothing any more are found', () => {
    const allowed = new AllowedDifferences(rows, 'unified', 'rust')
    allowed.problemOf('single', found)
    assert.deepEqual(
      allowed.stale().map(({ reason }) => reason),
      ['parts'],
    )
  })

  test('are those of one reference and one front end', () => {
    assert.deepEqual(
      new AllowedDifferences(rows, 'simulator', 'rust').rows.map(({ reason }) => reason),
      ['parts'],
    )
    assert.equal(new AllowedDifferences(rows, 'unified', 'python').rows.length, 1)
  })
})
