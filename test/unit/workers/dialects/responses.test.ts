import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { RESPONSES_DIALECT } from '../../../../workers/dialects/responses.ts'
import { eventsIn } from '../../../../workers/sse/events.ts'

const USAGE = { input_tokens: 6, output_tokens: 3, total_tokens: 9 }
const MESSAGE = { type: 'message', content: [{ type: 'output_text', text: 'his' }] }

/** A response as SGLang 0.5.23 sends it, with what matters here. */
function responseWith(fields: object): object {
  return { id: 'resp_1', object: 'response', output: [], error: null, usage: null, ...fields }
}

function lifecycle(status: string, fields: object = {}): object {
  return { type: `response.${status}`, response: responseWith({ status, ...fields }), sequence_number: 1 }
}

const classifyData = (event: object) => RESPONSES_DIALECT.classifyData(JSON.stringify(event))
const classifyBody = (body: object) => RESPONSES_DIALECT.classifyBody(JSON.stringify(body))
const bytesOf = (value: object): Buffer => Buffer.from(JSON.stringify(value))

function isEnd(event: object, name = 'x'): boolean {
  const [parsed] = eventsIn(Buffer.from(`event: ${name}\ndata: ${JSON.stringify(event)}\n\n`))
  assert.ok(parsed)
  return RESPONSES_DIALECT.isEnd(parsed)
}

suite('An event of a response', () => {
  for (const event of [
    lifecycle('created', { status: 'in_progress' }),
    lifecycle('in_progress'),
    { type: 'response.output_item.added', item: { type: 'message', content: [] }, output_index: 0 },
    { type: 'response.content_part.added', part: { type: 'output_text', text: '' } },
    { type: 'response.output_text.delta', delta: '' },
  ] as const)
    test(`shows nothing yet: ${JSON.stringify(event).slice(0, 60)}`, () =>
      assert.deepEqual(classifyData(event), { kind: 'neutral' }))

  for (const type of ['output_text', 'reasoning_text', 'function_call_arguments', 'custom_tool_call_input'])
    test(`is a token: response.${type}.delta`, () =>
      assert.deepEqual(classifyData({ type: `response.${type}.delta`, delta: 'his', logprobs: [] }), {
        kind: 'good',
        hasToken: true,
        promptTokens: undefined,
      }))

  test('is a token if it ends a response whose text was not streamed, and names its prompt tokens', () => {
    const event = lifecycle('completed', { output: [MESSAGE], usage: USAGE })
    assert.deepEqual(classifyData(event), { kind: 'good', hasToken: true, promptTokens: 6 })
  })

  test('is an end without a token if nothing was asked for', () => {
    const event = lifecycle('incomplete', { usage: { ...USAGE, output_tokens: 0 } })
    const good = { kind: 'good', hasToken: false, promptTokens: 6, tokenlessEnd: 'other' }
    assert.deepEqual(classifyData(event), good)
  })

  test('is a failure of the engine if the response failed, whatever word its code is', () => {
    const error = { code: 'server_error', message: 'Decode handshake failed for request rank=0' }
    assert.deepEqual(classifyData(lifecycle('failed', { error })), {
      kind: 'failure',
      what: 'error-event',
      message: 'Decode handshake failed for request rank=0',
      status: 500,
    })
  })

  test('is a failure with the status in its message, as SGLang writes exceptions', () => {
    const error = { code: 'server_error', message: '503: The request queue is full.' }
    const found = classifyData(lifecycle('failed', { error }))
    assert.ok(found.kind === 'failure')
    assert.deepEqual([found.status, found.message], [503, 'The request queue is full.'])
  })

  for (const message of ['Aborted', 'Generation aborted'])
    test(`is an abort: ${message}`, () => {
      const found = classifyData(lifecycle('failed', { error: { code: 'server_error', message } }))
      assert.ok(found.kind === 'failure')
      assert.equal(found.what, 'abort')
    })

  test('is a failure by the name of error, and by an error object of any other shape', () => {
    const named = { type: 'error', code: 'server_error', message: 'on fire', param: null }
    for (const event of [named, { error: { message: 'on fire', code: 500 } }]) {
      const found = classifyData(event)
      assert.ok(found.kind === 'failure')
      assert.equal(found.message, 'on fire')
    }
  })

  test('is a broken protocol if it is not JSON', () => {
    const found = RESPONSES_DIALECT.classifyData('on fire')
    assert.ok(found.kind === 'failure')
    assert.equal(found.what, 'protocol')
  })
})

suite('The end of a stream', () => {
  for (const status of ['completed', 'incomplete', 'failed'])
    test(`is response.${status}`, () => assert.ok(isEnd(lifecycle(status))))

  for (const event of [
    lifecycle('in_progress'),
    { type: 'response.output_text.delta', delta: '{"type":"response.completed"}' },
    { type: 'response.output_text.delta', delta: 'response.completed' },
  ])
    test(`is not ${JSON.stringify(event).slice(0, 70)}`, () => assert.ok(!isEnd(event)))

  test('and a failure are found by their words, which no text can imitate', () => {
    const { mayHoldSigns, mayHoldFailure } = RESPONSES_DIALECT
    const text = { type: 'response.output_text.delta', delta: '"error" "response.completed"' }
    assert.ok(mayHoldSigns(bytesOf(lifecycle('completed')), false))
    assert.ok(mayHoldFailure(bytesOf({ type: 'error', message: 'on fire' })))
    assert.ok(!mayHoldSigns(bytesOf(text), true))
  })
})

suite('A whole response', () => {
  test('is good with an output, and names its prompt tokens', () => {
    const body = responseWith({ status: 'completed', output: [MESSAGE], usage: USAGE })
    assert.deepEqual(classifyBody(body), { kind: 'good', hasToken: true, promptTokens: 6 })
  })

  test('names how many of them were cached', () => {
    const usage = { ...USAGE, input_tokens_details: { cached_tokens: 0 } }
    const body = responseWith({ status: 'completed', output: [MESSAGE], usage })
    assert.deepEqual(classifyBody(body), {
      kind: 'good',
      hasToken: true,
      promptTokens: 6,
      cached: { promptTokens: 6, cachedTokens: 0 },
    })
  })

  test('is a failure if it says so with status 200', () => {
    const found = classifyBody(responseWith({ status: 'failed', error: { message: 'Aborted' } }))
    assert.ok(found.kind === 'failure')
    assert.deepEqual([found.what, found.status], ['abort', undefined])
  })

  test('that waits in the background says nothing of its outcome', () =>
    assert.deepEqual(classifyBody(responseWith({ status: 'queued' })), { kind: 'neutral' }))

  test('of another API says nothing', () =>
    assert.deepEqual(classifyBody({ object: 'chat.completion', choices: [] }), { kind: 'neutral' }))
})

suite('An error status', () => {
  for (const [status, message, expected] of [
    [400, '500: Decode handshake failed', [500, 'Decode handshake failed']],
    [400, '503: The request queue is full.', [503, 'The request queue is full.']],
    [400, 'max_new_tokens must be at least 0', [400, 'max_new_tokens must be at least 0']],
    [400, '200: tokens', [400, '200: tokens']],
    [500, 'Internal server error', [500, 'Internal server error']],
  ] as const)
    test(`${status} with "${message}" means ${expected[0]}`, () => {
      const meaning = RESPONSES_DIALECT.meaningOf(status, message)
      assert.deepEqual([meaning.status, meaning.message, meaning.isVague], [...expected, false])
    })
})
