/** How the lab compares two answers field by field. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Answer } from '../../lab/client/request.ts'
import { type AllowedDifference, AllowedDifferences } from '../../lab/sglang/compare/allowed.ts'
import { differences, shapeDifferences } from '../../lab/sglang/compare/differences.ts'
import { fieldsOf } from '../../lab/sglang/compare/fields.ts'
import { withoutStream } from '../../lab/sglang/compare/streamed-refusal.ts'
import { realDifferences } from '../../lab/sglang/parts/conformance.ts'

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

function completion(text: string, finish_reason: string | null) {
  const logprobs = { tokens: text.split('') }
  return {
    object: 'text_completion',
    choices: [{ index: 0, text, logprobs, finish_reason, matched_stop: null }],
  }
}

function early(cached: unknown) {
  return { text: 'a', meta_info: { finish_reason: null, cached } }
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

  test('that are streams of /generate may have nothing before the last event of a prompt', () => {
    const end = [
      { ...progress('ab', 'length'), index: 0 },
      { ...progress('xy', 'length'), index: 1 },
      '[DONE]',
    ]
    const [first, second] = [
      { ...progress('a'), index: 0 },
      { ...progress('x'), index: 1 },
    ]
    assert.deepEqual(patterns(stream(first, second, ...end), stream(...end)), [])
    assert.deepEqual(patterns(stream(first, ...end), stream(second, ...end)), [])
    const odd = { ...first, extra: 1 }
    assert.deepEqual(patterns(stream(odd, first, ...end), stream(first, ...end)), [])
    assert.deepEqual(patterns(stream(odd, ...end), stream(first, ...end)), ['progress.extra'])
  })

  test('that are streams of completions are equal whether or not the last token comes with others', () => {
    const one = stream(completion('ab', null), completion('c', 'length'), '[DONE]')
    const other = stream(completion('a', null), completion('bc', 'length'), '[DONE]')
    assert.deepEqual(patterns(one, other), [])
    assert.deepEqual(patterns(one, stream(completion('ab', null), completion('c', 'stop'), '[DONE]')), [
      'events[].choices[].finish_reason',
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

suite('the shapes of streams of /generate', () => {
  test('differ in the types of what comes before the last event', () => {
    const last = progress('ab', 'length')
    const compare = (found: unknown, expected: unknown) =>
      shapeDifferences(fieldsOf(stream(early(found), last)), fieldsOf(stream(early(expected), last)))
    assert.deepEqual(compare([1, 2], [7]), [])
    assert.deepEqual(
      compare(null, 1).map(({ pattern }) => pattern),
      ['progress.meta_info.cached'],
    )
  })
})

suite('a refusal that an engine reports inside a stream', () => {
  const refused = whole({ error: { message: 'too long', type: 'invalid_request_error', code: 400 } }, 400)

  test('is the same as one with the status that it names', () => {
    const error = { message: 'too long', type: 'invalid_request_error', code: 400 }
    assert.deepEqual(realDifferences(refused, stream({ error }, '[DONE]')), [])
  })

  test('is without paths of the engine, as the gateway shows it, and nothing else', () => {
    const message = 'bad field\n\n  File "/srv/site-packages/server.py", line 18, in chat\n    POST /v1/chat'
    const engine = whole({ object: 'error', message, code: 400 }, 400)
    assert.deepEqual(
      realDifferences(whole({ object: 'error', message: 'bad field', code: 400 }, 400), engine),
      [],
    )
    const other = whole({ object: 'error', message: 'bad', code: 400 }, 400)
    assert.deepEqual(
      realDifferences(other, engine).map(({ pattern }) => pattern),
      ['body.message'],
    )
  })

  test('is also an output that was aborted with a status', () => {
    const finish_reason = {
      type: 'abort',
      message: 'too long',
      status_code: 400,
      err_type: 'invalid_request_error',
    }
    const aborted = stream({ text: '', meta_info: { finish_reason } }, '[DONE]')
    assert.deepEqual(differences(fieldsOf(withoutStream(aborted)), fieldsOf(refused)), [])
  })

  test('is not a stream of several events, nor an abort that was asked for', () => {
    const aborted = stream(progress('a', 'abort'), '[DONE]')
    const failed = stream(delta('a'), { error: { message: 'lost', code: 500 } })
    for (const answer of [aborted, failed]) assert.equal(withoutStream(answer), answer)
  })
})

suite('the allowed differences', () => {
  test('in members that only one answer has do not cover other values', () => {
    const added: AllowedDifference = {
      field: /^body\.error/,
      onlyAdded: true,
      reason: 'more',
    }
    const allowed = new AllowedDifferences([added], 'python')
    assert.equal(
      allowed.problemOf('x', [{ pattern: 'body.error.code', found: '400', expected: 'nothing' }]),
      undefined,
    )
    assert.equal(
      allowed.problemOf('x', [{ pattern: 'body.error.code', found: '400', expected: '500' }]),
      'body.error.code is 400 instead of 500',
    )
  })

  const rows: readonly AllowedDifference[] = [
    { field: /\.id$/, reason: 'random' },
    {
      field: /\.count$/,
      cases: /^batch/,
      frontends: ['rust'],
      reason: 'parts',
    },
  ]
  const found = [
    { pattern: 'body.id', found: '1', expected: '2' },
    { pattern: 'body.count', found: '3', expected: '4' },
  ]

  test('leave what no row is for', () => {
    const allowed = new AllowedDifferences(rows, 'rust')
    assert.equal(allowed.problemOf('single', found), 'body.count is 3 instead of 4')
    assert.equal(allowed.problemOf('batch of two', found), undefined)
  })

  test('that allow nothing any more are found', () => {
    const allowed = new AllowedDifferences(rows, 'rust')
    allowed.problemOf('single', found)
    assert.deepEqual(
      allowed.stale().map(({ reason }) => reason),
      ['parts'],
    )
  })

  test('are those of one front end', () => {
    assert.deepEqual(
      new AllowedDifferences(rows, 'python').rows.map(({ reason }) => reason),
      ['random'],
    )
    assert.equal(new AllowedDifferences(rows, 'rust').rows.length, 2)
  })
})
