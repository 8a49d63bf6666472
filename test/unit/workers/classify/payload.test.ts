import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { type Classification, classifyBody, classifyPayload } from '../../../../workers/classify/payload.ts'

/** `neutral`, `token`, `finish`, or what failed with the status that was named. */
function short(verdict: Classification): string {
  if (verdict.kind === 'failure') return [verdict.what, verdict.status].filter(Boolean).join(' ')
  if (verdict.kind === 'neutral') return 'neutral'
  return verdict.hasToken ? 'token' : 'finish'
}

function chatOf(delta: object, finish: string | null = null): string {
  return JSON.stringify({ choices: [{ index: 0, delta, finish_reason: finish }] })
}

const EVENTS: Readonly<Record<string, readonly (readonly [data: string, verdict: string])[]>> = {
  'says nothing yet': [
    [chatOf({ role: 'assistant', content: '', reasoning_content: null }), 'neutral'],
    [chatOf({ reasoning_content: null }), 'neutral'],
    [chatOf({ tool_calls: [] }), 'neutral'],
    ['{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2}}', 'neutral'],
    ['{"choices":[{"text":"","finish_reason":null}],"usage":null}', 'neutral'],
    ['{"text":"","output_ids":[],"meta_info":{"finish_reason":null,"completion_tokens":0}}', 'neutral'],
    ['{"error":null,"choices":[]}', 'neutral'],
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
  'is not what an engine sends': [
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
      test(data === '' ? 'nothing at all' : data, () => assert.equal(short(classifyPayload(data)), expected))
  })
}

suite('judgePayload', () => {
  test('keeps the message that the engine gave', () => {
    for (const data of [
      '{"error":{"message":"why"}}',
      '{"error":"why"}',
      '{"object":"error","message":"why"}',
      '{"meta_info":{"finish_reason":{"type":"abort","message":"why"}}}',
    ]) {
      const verdict = classifyPayload(data)
      assert.equal(verdict.kind === 'failure' && verdict.message, 'why')
    }
  })

  const told: readonly [string, string, number | undefined][] = [
    ['meta_info', '{"text":"a","meta_info":{"prompt_tokens":7}}', 7],
    ['usage', '{"choices":[{"text":"a"}],"usage":{"prompt_tokens":7}}', 7],
    ['nowhere', '{"choices":[{"text":"a"}]}', undefined],
  ]
  for (const [where, data, expected] of told) {
    test(`reads prompt tokens: ${where}`, () => {
      const verdict = classifyPayload(data)
      assert.equal(verdict.kind === 'good' ? verdict.promptTokens : 'none', expected)
    })
  }

  test('tells prompt tokens of a batch for its first prompt only', () => {
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

suite('judgeBodyText', () => {
  test('sees tokens and prompt tokens of a chat answer', () => {
    const body =
      '{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":7}}'
    assert.deepEqual(classifyBody(body), { kind: 'good', hasToken: true, promptTokens: 7 })
  })

  test('adds up the prompts of a batch, whose tokens may be in any of them', () => {
    const body =
      '[{"text":"","meta_info":{"prompt_tokens":2,"finish_reason":{"type":"stop"}}},{"text":"b","meta_info":{"prompt_tokens":3}}]'
    assert.deepEqual(classifyBody(body), { kind: 'good', hasToken: true, promptTokens: 5 })
  })

  test('compares nothing when one prompt of a batch does not tell its tokens', () => {
    const body = '[{"text":"a","meta_info":{"prompt_tokens":2}},{"text":"b"}]'
    assert.deepEqual(classifyBody(body), { kind: 'good', hasToken: true, promptTokens: undefined })
  })

  test('fails a batch with one aborted prompt', () => {
    const body = '[{"text":"a"},{"meta_info":{"finish_reason":{"type":"abort","status_code":503}}}]'
    assert.equal(short(classifyBody(body)), 'abort 503')
  })

  for (const body of ['', '<html>', '7', '[7]', '{"a":'])
    test(`does not take ${JSON.stringify(body)} for an answer`, () =>
      assert.equal(short(classifyBody(body)), 'protocol'))

  for (const body of ['{}', '[]', '{"choices":[]}'])
    test(`finds nothing in ${body}`, () => assert.equal(short(classifyBody(body)), 'neutral'))
})
