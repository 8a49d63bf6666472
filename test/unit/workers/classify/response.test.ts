import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { classifyResponse } from '../../../../workers/classify/response.ts'
import { DONE_DIALECT } from '../../../../workers/dialects/done-dialect.ts'
import { ResponseBody } from '../../../../workers/upstream/response-body.ts'

function bodyOf(text: string, contentType: string): ResponseBody {
  const body = new ResponseBody(1 << 20)
  body.start(200, ['content-type', contentType])
  body.add(Buffer.from(text))
  return body
}

function classify(text: string, contentType = 'text/event-stream; charset=utf-8'): object {
  const classified = classifyResponse('prefill', bodyOf(text, contentType), DONE_DIALECT)
  return 'error' in classified ? { failed: classified.cause, leg: classified.error.leg } : { ...classified }
}

function event(index: number | undefined, promptTokens: number): string {
  return `data: ${JSON.stringify({ index, text: 'a', meta_info: { prompt_tokens: promptTokens, completion_tokens: 1 } })}\n\n`
}

suite('classifyResponse', () => {
  test('reads a body', () => {
    const summary = classify('{"text":"a","meta_info":{"prompt_tokens":7}}', 'application/json')
    assert.deepEqual(summary, { kind: 'good', hasToken: true, promptTokens: 7 })
  })

  test('reads a collected stream up to its end', () => {
    assert.deepEqual(classify(`${event(undefined, 7)}data: [DONE]\n\n`), { hasToken: true, promptTokens: 7 })
  })

  test('takes the prompt tokens of a streamed batch from its first prompt, whatever the order of events', () => {
    assert.deepEqual(classify(event(2, 4) + event(0, 7) + event(1, 9)), { hasToken: true, promptTokens: 7 })
  })

  test('takes the prompt tokens of a streamed chat from its usage', () => {
    const token = 'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'
    for (const made of [0, 1]) {
      const usage = `data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":${made}}}\n\n`
      assert.deepEqual(classify(token + usage), { hasToken: true, promptTokens: 7 })
    }
  })

  test('has no prompt tokens when only later prompts name theirs', () => {
    assert.deepEqual(classify(event(2, 4)), { hasToken: true, promptTokens: undefined })
  })

  test('fails for a failure anywhere in the stream, with the leg', () => {
    const text = `${event(undefined, 7)}data: {"meta_info":{"finish_reason":{"type":"abort"}}}\n\n`
    assert.deepEqual(classify(text), { failed: 'abort', leg: 'prefill' })
  })

  for (const [what, text, contentType] of [
    ['a bare [DONE]', 'data: [DONE]\n\n', 'text/event-stream'],
    ['a stream of comments', ': ping\n\n', 'text/event-stream'],
    ['a stream in an unknown shape', 'data: {"status":"failed"}\n\n', 'text/event-stream'],
    ['an empty object', '{}', 'application/json'],
    ['an empty list', '[]', 'application/json'],
    ['a prompt of a batch of which nothing is said', '[{"text":"a"},{}]', 'application/json'],
    ['an unknown shape', '{"status":"failed"}', 'application/json'],
  ] as const)
    test(`fails for ${what}`, () => {
      assert.deepEqual(classify(text, contentType), { failed: 'no-token', leg: 'prefill' })
    })

  test('accepts a finish without a token', () => {
    const body = '{"text":"","meta_info":{"prompt_tokens":7,"finish_reason":{"type":"length","length":0}}}'
    const summary = { hasToken: false, promptTokens: 7, tokenlessEnd: 'length' }
    assert.deepEqual(classify(body, 'application/json'), { kind: 'good', ...summary })
    assert.deepEqual(classify(`data: ${body}\n\ndata: [DONE]\n\n`), summary)
  })

  test('repeats what an engine says in a shape that is not known', () => {
    const failed = classifyResponse(
      'decode',
      bodyOf('{"status":"on fire"}', 'application/json'),
      DONE_DIALECT,
    )
    assert.ok('error' in failed)
    assert.match(failed.error.message, /neither a token nor a finish: \{"status":"on fire"\}$/)
  })

  test('fails for an event by the name of error', () => {
    assert.deepEqual(classify('event: error\ndata: oops\n\n'), { failed: 'error-event', leg: 'prefill' })
  })

  test('ignores what follows [DONE]', () => {
    const text = `${event(undefined, 7)}data: [DONE]\n\ndata: {"error":"late"}\n\n<html>`
    assert.deepEqual(classify(text), { hasToken: true, promptTokens: 7 })
  })

  test('fails for a body that is not JSON', () => {
    assert.deepEqual(classify('<html>', 'text/html'), { failed: 'protocol', leg: 'prefill' })
  })
})

suite('ResponseBody', () => {
  test('rejects bytes beyond its limit', () => {
    const body = new ResponseBody(4)
    assert.equal(body.add(Buffer.from('1234')), true)
    assert.equal(body.add(Buffer.from('5')), false)
    assert.equal(Buffer.from(body.joined()).toString(), '1234')
  })

  test('keeps its bytes when the buffer they came in is reused', () => {
    const body = new ResponseBody(8)
    const read = Buffer.from('12')
    body.add(read)
    read.fill(0)
    body.add(Buffer.from('34'))
    assert.equal(Buffer.from(body.joined()).toString(), '1234')
  })
})
