import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { MESSAGES_DIALECT } from '../../../../workers/dialects/messages.ts'
import { eventsIn } from '../../../../workers/sse/events.ts'

const classifyData = (event: object) => MESSAGES_DIALECT.classifyData(JSON.stringify(event))
const classifyBody = (body: object) => MESSAGES_DIALECT.classifyBody(JSON.stringify(body))

function start(usage: object): object {
  return { type: 'message_start', message: { type: 'message', content: [], usage } }
}

function message(fields: object): object {
  const usage = { input_tokens: 6, output_tokens: 3 }
  const content = [{ type: 'text', text: 'his' }]
  return { type: 'message', role: 'assistant', content, stop_reason: 'max_tokens', usage, ...fields }
}

const bytesOf = (event: object): Buffer => Buffer.from(JSON.stringify(event))
const isEnd = (event: object): boolean =>
  eventsIn(Buffer.from(`data: ${JSON.stringify(event)}\n\n`)).every(MESSAGES_DIALECT.isEnd)

suite('An event of a message', () => {
  test('names the prompt tokens before there is a token', () =>
    assert.deepEqual(classifyData(start({ input_tokens: 6, output_tokens: 0 })), {
      kind: 'neutral',
      promptTokens: 6,
    }))

  test('counts cached tokens of the prompt, which the API counts apart', () => {
    const usage = { input_tokens: 2, cache_read_input_tokens: 4, cache_creation_input_tokens: 1 }
    const cached = { promptTokens: 7, cachedTokens: 4 }
    assert.deepEqual(classifyData(start(usage)), { kind: 'neutral', promptTokens: 7, cached })
  })

  for (const event of [
    start({ input_tokens: 0, output_tokens: 0 }),
    { type: 'ping' },
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
    { type: 'content_block_stop', index: 0 },
    { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: '' } },
    { type: 'message_delta', delta: { stop_reason: null }, usage: { output_tokens: 0 } },
    { type: 'message_stop' },
  ])
    test(`shows nothing: ${JSON.stringify(event)}`, () =>
      assert.deepEqual(classifyData(event), { kind: 'neutral' }))

  for (const event of [
    { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'his' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'hm' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'input_json_delta', partial_json: '{' } },
    { type: 'content_block_start', index: 0, content_block: { type: 'tool_use', name: 'f', input: {} } },
    { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 1 } },
  ])
    test(`is a token: ${JSON.stringify(event)}`, () =>
      assert.deepEqual(classifyData(event), { kind: 'good', hasToken: true, promptTokens: undefined }))

  test('ends a message without a token', () => {
    const event = { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 0 } }
    const end = { kind: 'good', hasToken: false, promptTokens: undefined, tokenlessEnd: 'other' }
    assert.deepEqual(classifyData(event), end)
  })

  for (const [type, status] of [
    ['invalid_request_error', 400],
    ['not_found_error', 404],
    ['rate_limit_error', 429],
    ['overloaded_error', 503],
    ['api_error', undefined],
  ] as const)
    test(`is a failure: ${type}`, () => {
      const event = { type: 'error', error: { type, message: 'on fire' } }
      const found = classifyData(event)
      assert.ok(found.kind === 'failure')
      assert.deepEqual([found.what, found.message, found.status], ['error-event', 'on fire', status])
      assert.deepEqual(found.body, event)
    })
})

suite('The end of a stream', () => {
  test('is message_stop', () => assert.ok(isEnd({ type: 'message_stop' })))

  for (const event of [
    { type: 'message_delta', delta: { stop_reason: 'end_turn' } },
    { type: 'content_block_delta', delta: { type: 'text_delta', text: 'message_stop' } },
    { type: 'error', error: { type: 'api_error', message: 'on fire' } },
  ])
    test(`is not ${JSON.stringify(event)}`, () => assert.ok(!isEnd(event)))

  test('and a failure are found by their words, which no text can imitate', () => {
    const { mayHoldSigns } = MESSAGES_DIALECT
    assert.ok(mayHoldSigns(bytesOf({ type: 'message_stop' }), false))
    assert.ok(mayHoldSigns(bytesOf({ type: 'error', error: {} }), false))
    assert.ok(!mayHoldSigns(bytesOf({ text: '{"type":"message_stop"} "error" "message_delta"' }), true))
  })

  test('is looked for without a usage unless that is awaited', () => {
    const { mayHoldSigns, mayHoldUsage } = MESSAGES_DIALECT
    const event = bytesOf({ type: 'message_delta', delta: {}, usage: {} })
    assert.deepEqual([mayHoldSigns(event, true), mayHoldSigns(event, false)], [true, false])
    assert.ok(mayHoldUsage(event))
  })
})

suite('A whole message', () => {
  test('is good, and names its prompt tokens', () =>
    assert.deepEqual(classifyBody(message({})), { kind: 'good', hasToken: true, promptTokens: 6 }))

  test('names how many of them were cached', () => {
    const usage = { input_tokens: 2, cache_read_input_tokens: 4, output_tokens: 1 }
    const found = classifyBody(message({ usage }))
    assert.deepEqual(found, {
      kind: 'good',
      hasToken: true,
      promptTokens: 6,
      cached: { promptTokens: 6, cachedTokens: 4 },
    })
  })

  test('without a text is an end without a token', () => {
    const content = [{ type: 'text', text: '' }]
    const found = classifyBody(message({ content, usage: { input_tokens: 6, output_tokens: 0 } }))
    assert.deepEqual(found, { kind: 'good', hasToken: false, promptTokens: 6, tokenlessEnd: 'other' })
  })

  test('that does not say why it stopped says nothing', () =>
    assert.deepEqual(classifyBody(message({ stop_reason: null })), { kind: 'neutral' }))
})

suite('An error status', () => {
  test('hides its reason behind the same words for every failure of the engine', () =>
    assert.ok(MESSAGES_DIALECT.meaningOf(500, 'Internal server error').isVague))

  test('means what it says otherwise', () =>
    assert.deepEqual(MESSAGES_DIALECT.meaningOf(400, 'max_tokens: Field required'), {
      status: 400,
      message: 'max_tokens: Field required',
      isVague: false,
    }))
})
