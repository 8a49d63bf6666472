import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { type Classification } from '../../../../workers/dialects/classification.ts'
import { classifyBody, classifyPayload } from '../../../../workers/dialects/done-payload.ts'

/** `neutral`, `token`, `finish`, or the kind of failure with its status. */
function summaryOf(classification: Classification): string {
  if (classification.kind === 'failure')
    return [classification.what, classification.status].filter(Boolean).join(' ')
  if (classification.kind === 'neutral') return 'neutral'
  return classification.hasToken ? 'token' : 'finish'
}

function chatOf(delta: object, finish: string | null = null): string {
  return JSON.stringify({ choices: [{ index: 0, delta, finish_reason: finish }] })
}

const EVENTS: Readonly<Record<string, readonly (readonly [data: string, expected: string])[]>> = {
  'shows nothing yet': [
    [chatOf({ role: 'assistant', content: '', reasoning_content: null }), 'neutral'],
    [chatOf({ reasoning_content: null }), 'neutral'],
    [chatOf({ tool_calls: [] }), 'neutral'],
    ['{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2}}', 'neutral'],
    ['{"choices":[{"text":"","finish_reason":null}],"usage":null}', 'neutral'],
    ['{"text":"","output_ids":[],"meta_info":{"finish_reason":null,"completion_tokens":0}}', 'neutral'],
    ['{"error":null,"choices":[]}', 'neutral'],
    ['{"error":{}}', 'neutral'],
    ['{}', 'neutral'],
  ],
  'shows a token': [
    [chatOf({ content: 'a' }), 'token'],
    [chatOf({ reasoning_content: 'a' }), 'token'],
    [chatOf({ reasoning: 'a' }), 'token'],
    [chatOf({ tool_calls: [{ index: 0 }] }), 'token'],
    [chatOf({ content: 'a' }, 'stop'), 'token'],
    ['{"choices":[{"text":"a","finish_reason":null}]}', 'token'],
    ['{"choices":[{"text":""},{"text":"b"}]}', 'token'],
    ['{"text":"a","meta_info":{"finish_reason":null}}', 'token'],
    ['{"text":"a","error":""}', 'token'],
    ['{"text":"a","error":null}', 'token'],
    ['{"text":"a","error":{}}', 'token'],
    ['{"text":"a","error":[]}', 'token'],
    ['{"text":"a","error":0}', 'token'],
    ['{"text":"a","error":{"message":"","code":null}}', 'token'],
    ['{"choices":[{"text":"a"}],"detail":"d"}', 'token'],
    ['{"text":"","output_ids":[5],"meta_info":{"finish_reason":null}}', 'token'],
    ['{"text":"","meta_info":{"finish_reason":null,"completion_tokens":1}}', 'token'],
  ],
  'is a finish without a token': [
    [chatOf({}, 'stop'), 'finish'],
    [chatOf({ content: '' }, 'length'), 'finish'],
    ['{"text":"","meta_info":{"finish_reason":{"type":"stop"}}}', 'finish'],
    ['{"text":"","meta_info":{"finish_reason":{"type":"length","length":0}}}', 'finish'],
  ],
  'is an error': [
    ['{"error": {"object": "error", "message": "m", "code": 500}}', 'error-event 500'],
    ['{"error":{"message":"m","type":"invalid_request_error","code":400}}', 'error-event 400'],
    ['{"error":{"message":"m","code":"503"}}', 'error-event 503'],
    ['{"error":{"message":"m","status_code":503}}', 'error-event 503'],
    ['{"error":{"message":"m","code":"rate_limited"}}', 'error-event'],
    ['{"error":{"message":"m","code":12}}', 'error-event'],
    ['{"error":"m"}', 'error-event'],
    ['{"error":["m"]}', 'error-event'],
    ['{"object":"error","message":"m","type":"503","param":null,"code":503}', 'error-event 503'],
    ['{"choices":[{"delta":{"content":"a"}}],"error":{"message":"m"}}', 'error-event'],
    ['{"detail":"m"}', 'error-event'],
    ['{"detail":[{"msg":"m"}]}', 'error-event'],
    ['{"errors":[{"message":"m"}]}', 'error-event'],
    ['{"type":"error","message":"m"}', 'error-event'],
    [chatOf({}, 'error'), 'error-event'],
    ['{"meta_info":{"finish_reason":{"type":"error","message":"m","status_code":503}}}', 'error-event 503'],
  ],
  'is an abort': [
    [chatOf({}, 'abort'), 'abort'],
    [chatOf({ content: 'a' }, 'abort'), 'abort'],
    ['{"choices":[{"text":"","finish_reason":"abort"}]}', 'abort'],
    ['{"choices":[{"text":"a","finish_reason":"stop"},{"finish_reason":"abort"}]}', 'abort'],
    ['{"meta_info":{"finish_reason":{"type":"abort","message":"m","status_code":500}}}', 'abort 500'],
    ['{"meta_info":{"finish_reason":{"type":"abort","message":"m","status_code":null}}}', 'abort'],
    ['{"text":"a","meta_info":{"finish_reason":"abort"}}', 'abort'],
  ],
  'is not valid': [
    ['<html>', 'protocol'],
    ['', 'protocol'],
    ['{"choices":[', 'protocol'],
    ['7', 'protocol'],
    ['null', 'protocol'],
    ['[]', 'protocol'],
  ],
}

for (const [meaning, rows] of Object.entries(EVENTS)) {
  suite(`an event that ${meaning}`, () => {
    for (const [data, expected] of rows)
      test(data === '' ? 'an empty text' : data, () =>
        assert.equal(summaryOf(classifyPayload(data)), expected),
      )
  })
}

suite('classifyPayload', () => {
  test('keeps the message of the engine', () => {
    for (const data of [
      '{"error":{"message":"why"}}',
      '{"error":"why"}',
      '{"object":"error","message":"why"}',
      '{"meta_info":{"finish_reason":{"type":"abort","message":"why"}}}',
    ]) {
      const classified = classifyPayload(data)
      assert.equal(classified.kind === 'failure' && classified.message, 'why')
    }
  })

  const rows: readonly [string, string, number | undefined][] = [
    ['meta_info', '{"text":"a","meta_info":{"prompt_tokens":7}}', 7],
    ['usage', '{"choices":[{"text":"a"}],"usage":{"prompt_tokens":7}}', 7],
    ['nowhere', '{"choices":[{"text":"a"}]}', undefined],
  ]
  for (const [where, data, expected] of rows) {
    test(`reads prompt tokens: ${where}`, () => {
      const classified = classifyPayload(data)
      assert.equal(classified.kind === 'good' ? classified.promptTokens : 'none', expected)
    })
  }

  for (const data of [
    '{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2}}',
    '{"choices":[{"delta":{"role":"assistant"}}],"usage":{"prompt_tokens":7,"completion_tokens":0}}',
  ])
    test(`reads prompt tokens of an event without a token: ${data}`, () =>
      assert.deepEqual(classifyPayload(data), { kind: 'neutral', promptTokens: 7 }))

  test('takes 0 in an event without a token for no count', () =>
    assert.deepEqual(classifyPayload('{"choices":[],"usage":{"prompt_tokens":0}}'), { kind: 'neutral' }))

  test('reads prompt tokens of a batch for its first prompt only', () => {
    for (const [index, expected] of [
      [0, 7],
      [1, undefined],
    ]) {
      const generate = classifyPayload(`{"index":${index},"text":"a","meta_info":{"prompt_tokens":7}}`)
      assert.equal(generate.kind === 'good' ? generate.promptTokens : 'none', expected)
      const choices = classifyPayload(
        `{"choices":[{"index":${index},"text":"a"}],"usage":{"prompt_tokens":7}}`,
      )
      assert.equal(choices.kind === 'good' ? choices.promptTokens : 'none', expected)
    }
  })
})

suite('classifyBody', () => {
  test('reads tokens and prompt tokens of a chat response', () => {
    const body =
      '{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":7}}'
    assert.deepEqual(classifyBody(body), { kind: 'good', hasToken: true, promptTokens: 7 })
  })

  test('sums the prompt tokens of a batch, any prompt of which may have the token', () => {
    const body =
      '[{"text":"","meta_info":{"prompt_tokens":2,"finish_reason":{"type":"stop"}}},{"text":"b","meta_info":{"prompt_tokens":3}}]'
    assert.deepEqual(classifyBody(body), { kind: 'good', hasToken: true, promptTokens: 5 })
  })

  test('has no prompt tokens when one prompt of a batch does not name its own', () => {
    const body = '[{"text":"a","meta_info":{"prompt_tokens":2}},{"text":"b"}]'
    assert.deepEqual(classifyBody(body), { kind: 'good', hasToken: true, promptTokens: undefined })
  })

  test('fails a batch with one aborted prompt', () => {
    const body = '[{"text":"a"},{"meta_info":{"finish_reason":{"type":"abort","status_code":503}}}]'
    assert.equal(summaryOf(classifyBody(body)), 'abort 503')
  })

  for (const body of ['', '<html>', '7', '[7]', '{"a":'])
    test(`does not accept ${JSON.stringify(body)} as a response`, () =>
      assert.equal(summaryOf(classifyBody(body)), 'protocol'))

  for (const body of ['{}', '[]', '{"choices":[]}'])
    test(`finds nothing in ${body}`, () => assert.equal(summaryOf(classifyBody(body)), 'neutral'))
})
