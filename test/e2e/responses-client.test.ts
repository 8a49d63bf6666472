/** OpenAI's Responses API, asked by the official client, through a pair of engines. */
import assert from 'node:assert/strict'
import { after, suite, test } from 'node:test'
import OpenAI, { APIError, BadRequestError, NotFoundError } from 'openai'
import { chatPromptText, scriptFor } from '../../src/simulator/sequence/output-script.ts'
import { openGateway, runningOn } from '../support/gateway.ts'
import { until } from '../support/until.ts'

const { origin, fleet } = await openGateway({ after }, { fleet: { prefill: 1, decode: 1 } })
const client = new OpenAI({ baseURL: `${origin}/v1`, apiKey: 'any', maxRetries: 0 })

const INPUT = 'Wie heißt 東京 auf Deutsch? 🚀'
const REQUEST = { model: 'sim', input: INPUT, instructions: 'Be brief.' } as const
/** SGLang keeps room for two tokens of its own. */
const LIMIT = { max_output_tokens: 42 }
const PROMPT = chatPromptText([{ content: 'Be brief.' }, { content: INPUT }])
const PIECES = scriptFor(PROMPT, 0, 40).pieces
const TOOLS = [
  {
    type: 'function' as const,
    name: 'weather',
    strict: false,
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
]

suite('The client gets a response', () => {
  test('token for token, with the usage of both engines', async () => {
    const response = await client.responses.create({ ...REQUEST, ...LIMIT })
    assert.equal(response.output_text, PIECES.join(''))
    assert.equal(response.status, 'incomplete')
    assert.equal(response.incomplete_details?.reason, 'max_output_tokens')
    assert.equal(response.usage?.output_tokens, 40)
    assert.equal(response.usage.total_tokens, response.usage.input_tokens + 40)
    await until(() => runningOn(fleet) === 0)
  })

  test('under the name that it gave the request', async () => {
    // A field of SGLang's, which the client does not know.
    const named: OpenAI.Responses.ResponseCreateParamsNonStreaming = Object.assign(
      { ...REQUEST, ...LIMIT },
      { request_id: 'resp_mine' },
    )
    assert.equal((await client.responses.create(named)).id, 'resp_mine')
  })

  test('that calls a function', async () => {
    const { output } = await client.responses.create({ ...REQUEST, tools: TOOLS })
    const [item] = output
    assert.ok(item?.type === 'function_call')
    assert.equal(item.name, 'weather')
    assert.deepEqual(Object.keys(Object(JSON.parse(item.arguments))), ['city'])
  })
})

suite('The client streams a response', () => {
  test('token for token, up to its last event', async () => {
    const stream = await client.responses.create({ ...REQUEST, ...LIMIT, stream: true })
    const pieces: string[] = []
    const types: string[] = []
    for await (const event of stream) {
      if (event.type === 'response.output_text.delta') pieces.push(event.delta)
      if (types.at(-1) !== event.type) types.push(event.type)
    }
    assert.deepEqual(
      pieces,
      PIECES.filter(piece => piece !== ''),
    )
    assert.deepEqual(types, [
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.incomplete',
    ])
  })

  test('without [DONE], which is not of this API', async () => {
    const body = JSON.stringify({ ...REQUEST, ...LIMIT, stream: true })
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${origin}/v1/responses`, { method: 'POST', headers, body })
    const text = await response.text()
    assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8')
    assert.doesNotMatch(text, /DONE/)
    assert.match(text, /event: response\.incomplete\ndata: .*\n\n$/)
  })

  test('that calls a function', async () => {
    const stream = client.responses.stream({ ...REQUEST, tools: TOOLS })
    const { output } = await stream.finalResponse()
    assert.equal(output[0]?.type, 'function_call')
  })

  test('whose message is held back to its end, because it might have called a function', async () => {
    const stream = client.responses.stream({
      ...REQUEST,
      ...LIMIT,
      input: [
        { role: 'user', content: INPUT },
        { type: 'function_call', call_id: 'call_1', name: 'weather', arguments: '{}' },
        { type: 'function_call_output', call_id: 'call_1', output: 'sunny' },
      ],
      tools: TOOLS,
    })
    assert.notEqual((await stream.finalResponse()).output_text, '')
  })

  test('and leaves in the middle: nothing runs on', async () => {
    const stream = await client.responses.create({ ...REQUEST, max_output_tokens: 100_000, stream: true })
    for await (const { type } of stream) if (type === 'response.output_text.delta') break
    await until(() => runningOn(fleet) === 0)
  })
})

suite('The client gets an error for what cannot be served', () => {
  test('an unknown model', async () => {
    const error: unknown = await client.responses.create({ ...REQUEST, model: 'gpt' }).catch(asError)
    assert.ok(error instanceof NotFoundError)
    assert.match(error.message, /gpt/)
  })

  for (const state of [{ previous_response_id: 'resp_1' }, { conversation: 'conv_1' }, { background: true }])
    test(`${Object.keys(state).join()}, with advice`, async () => {
      const error: unknown = await client.responses.create({ ...REQUEST, ...state }).catch(asError)
      assert.ok(error instanceof BadRequestError)
      assert.match(error.message, /is not supported, because .*: (?:send the whole|wait for the response)/)
    })

  test('a stored response', async () => {
    const error: unknown = await client.responses.retrieve('resp_1').catch(asError)
    assert.ok(error instanceof NotFoundError)
    assert.match(error.message, /keep the conversation in the client/)
  })
})

test('an abort by the name of the request ends the response as the engine ends it', async () => {
  const named: OpenAI.Responses.ResponseCreateParamsStreaming = Object.assign(
    { ...REQUEST, max_output_tokens: 100_000, stream: true as const },
    { request_id: 'resp_gone' },
  )
  const stream = await client.responses.create(named)
  const types: string[] = []
  for await (const { type } of stream) {
    types.push(type)
    if (types.length !== 6) continue
    const headers = { 'content-type': 'application/json' }
    const body = '{"rid":"resp_gone"}'
    await fetch(`${origin}/abort_request`, { method: 'POST', headers, body })
  }
  assert.equal(types.at(-1), 'response.failed')
  await until(() => runningOn(fleet) === 0)
})

suite('Faults of engines', () => {
  test('before the first token are repeated, without the client noticing', async t => {
    const { fleet: faulty, ...gateway } = await openGateway(t, {
      fleet: { prefill: 1, decode: 2 },
      config: { policy: { main: 'round_robin' } },
    })
    const [broken] = faulty.decode
    assert.ok(broken)
    Object.assign(broken.knobs, { errorInStreamProb: 1 })
    const retrying = new OpenAI({ baseURL: `${gateway.origin}/v1`, apiKey: 'any', maxRetries: 0 })
    for (let request = 0; request < 6; request++) {
      const { output_text } = await retrying.responses
        .stream({ ...REQUEST, ...LIMIT })
        .on('response.failed', () => assert.fail('the client was shown a failed attempt'))
        .finalResponse()
      assert.equal(output_text, PIECES.join(''))
    }
    assert.ok(broken.counters.failed > 0)
  })

  test('in the middle of a stream are an error of the client library', async t => {
    const gateway = await openGateway(t, {
      fleet: { prefill: 1, decode: 1, knobs: { resetMidStreamProb: 1 } },
    })
    const breaking = new OpenAI({ baseURL: `${gateway.origin}/v1`, apiKey: 'any', maxRetries: 0 })
    const stream = await breaking.responses.create({ ...REQUEST, max_output_tokens: 400, stream: true })
    const read = async (): Promise<void> => {
      for await (const { type } of stream) assert.notEqual(type, 'response.completed')
    }
    await assert.rejects(
      read,
      (error: unknown) => error instanceof APIError && /decode engine/.test(error.message),
    )
  })
})

function asError(reason: unknown): unknown {
  return reason
}
