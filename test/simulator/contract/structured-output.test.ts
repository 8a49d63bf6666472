/** Stop strings, JSON schemas and tool calls: enough for the structured-output and agent tests of client programs. */
import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import { expectedText } from '../../../src/simulator/sequence/output-script.ts'
import { at, parseStream } from '../../support/sse.ts'
import { fleetFor, joined, only, post } from './support.ts'

const MESSAGES = [{ role: 'user', content: 'What is the weather in Paris?' }]
const SCHEMA = {
  type: 'object',
  properties: {
    name: { type: 'string', minLength: 3 },
    age: { type: 'integer', minimum: 18 },
    colour: { enum: ['red', 'green'] },
    tags: { type: 'array', items: { $ref: '#/$defs/tag' }, minItems: 2 },
    note: { anyOf: [{ type: 'null' }, { type: 'string' }] },
  },
  $defs: { tag: { type: 'string', maxLength: 2 } },
}
const DOCUMENT = { name: 'word', age: 18, colour: 'red', tags: ['wo', 'wo'], note: null }
const TOOLS = ['time', 'weather'].map(name => ({
  type: 'function',
  function: { name, parameters: { type: 'object', properties: { city: { type: 'string' } } } },
}))

/** The response of a pair's decode engine. */
async function ask(t: TestContext, path: string, body: object): Promise<string> {
  const fleet = await fleetFor(t, { prefill: 1, decode: 1 })
  const pair = { ...body, ...joined(only(fleet.prefill), 5) }
  const [, decode] = await Promise.all([
    post(only(fleet.prefill).url, path, pair),
    post(only(fleet.decode).url, path, pair),
  ])
  assert.equal(decode.status, 200, decode.body)
  return decode.body
}

const askChat = async (t: TestContext, body: object): Promise<unknown> =>
  JSON.parse(await ask(t, '/v1/chat/completions', { messages: MESSAGES, max_tokens: 200, ...body }))

suite('a stop string', () => {
  test('ends the output before its first occurrence, and is named as what matched', async t => {
    const whole = expectedText('Count', 0, 40)
    const stop = whole.slice(30, 37)
    const cut = whole.slice(0, whole.indexOf(stop))
    const body = { text: 'Count', sampling_params: { max_new_tokens: 40, stop: ['never seen', stop] } }
    const response: unknown = JSON.parse(await ask(t, '/generate', body))
    assert.equal(at(response, 'text'), cut)
    assert.deepEqual(at(response, 'meta_info', 'finish_reason'), { type: 'stop', matched: stop })
  })

  test('leaves out of a stream what the unary response leaves out', async t => {
    const whole = expectedText('Count', 0, 40)
    const stop = whole.slice(30, 37)
    const body = { prompt: 'Count', max_tokens: 40, stop, stream: true }
    const { events, hasDone } = parseStream(await ask(t, '/v1/completions', body))
    assert.ok(hasDone)
    const text = events.map(event => at(event, 'choices', 0, 'text')).join('')
    assert.equal(text, whole.slice(0, whole.indexOf(stop)))
    assert.equal(at(events.at(-1), 'choices', 0, 'matched_stop'), stop)
  })

  test('that does not occur changes nothing', async t => {
    const body = { text: 'Count', sampling_params: { max_new_tokens: 12, stop: 'never seen' } }
    const response: unknown = JSON.parse(await ask(t, '/generate', body))
    assert.equal(at(response, 'text'), expectedText('Count', 0, 12))
    assert.deepEqual(at(response, 'meta_info', 'finish_reason'), { type: 'length', length: 12 })
  })
})

suite('structured output', () => {
  test('of a chat is a document that satisfies the schema', async t => {
    const format = { type: 'json_schema', json_schema: { name: 'person', schema: SCHEMA } }
    const response = await askChat(t, { response_format: format })
    assert.deepEqual(JSON.parse(String(at(response, 'choices', 0, 'message', 'content'))), DOCUMENT)
    assert.equal(at(response, 'choices', 0, 'finish_reason'), 'stop')
  })

  test('of /generate takes the schema as a text', async t => {
    const body = { text: 'x', sampling_params: { max_new_tokens: 200, json_schema: JSON.stringify(SCHEMA) } }
    assert.deepEqual(JSON.parse(String(at(JSON.parse(await ask(t, '/generate', body)), 'text'))), DOCUMENT)
  })

  test('that is longer than the tokens requested is cut', async t => {
    const response = await askChat(t, { response_format: { type: 'json_object' }, max_tokens: 2 })
    assert.equal(at(response, 'choices', 0, 'message', 'content'), '{"word":')
    assert.equal(at(response, 'choices', 0, 'finish_reason'), 'length')
  })
})

suite('a tool call', () => {
  test('names the tool that was asked for, with arguments that satisfy its schema', async t => {
    const choice = { type: 'function', function: { name: 'weather' } }
    const response = await askChat(t, { tools: TOOLS, tool_choice: choice })
    const message = at(response, 'choices', 0, 'message')
    assert.equal(at(message, 'content'), null)
    assert.equal(at(message, 'tool_calls', 0, 'function', 'name'), 'weather')
    assert.equal(at(message, 'tool_calls', 0, 'function', 'arguments'), '{"city":"word"}')
    assert.equal(at(response, 'choices', 0, 'finish_reason'), 'tool_calls')
  })

  test('is streamed with the name first and the arguments in parts', async t => {
    const body = { messages: MESSAGES, max_tokens: 200, tools: TOOLS, stream: true }
    const { events } = parseStream(await ask(t, '/v1/chat/completions', body))
    const calls = events.map(event => at(event, 'choices', 0, 'delta', 'tool_calls', 0)).filter(Boolean)
    assert.deepEqual(calls.map(call => at(call, 'function', 'name')).filter(Boolean), ['time'])
    assert.equal(calls.map(call => at(call, 'function', 'arguments')).join(''), '{"city":"word"}')
    assert.equal(at(events.at(-1), 'choices', 0, 'finish_reason'), 'tool_calls')
  })

  test("is followed by text when the last message is a tool's result, or tools are turned off", async t => {
    const messages = [...MESSAGES, { role: 'tool', tool_call_id: 'call_1', content: 'sunny' }]
    for (const body of [{ messages }, { tool_choice: 'none' }]) {
      const response = await askChat(t, { ...body, tools: TOOLS, max_tokens: 4 })
      assert.equal(at(response, 'choices', 0, 'finish_reason'), 'length')
      assert.equal(at(response, 'choices', 0, 'message', 'tool_calls'), undefined)
    }
  })
})
