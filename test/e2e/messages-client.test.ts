/** Anthropic's Messages API, asked by the official client, through a pair of engines. */
import assert from 'node:assert/strict'
import { after, suite, test } from 'node:test'
import Anthropic, { APIError, BadRequestError, NotFoundError } from '@anthropic-ai/sdk'
import { chatPromptText, scriptFor } from '../../src/simulator/sequence/output-script.ts'
import { openGateway, runningOn } from '../support/gateway.ts'
import { until } from '../support/until.ts'

const { origin, fleet } = await openGateway({ after }, { fleet: { prefill: 1, decode: 1 } })
const client = clientOf(origin)

const SYSTEM = 'Be brief.'
const MESSAGES: Anthropic.MessageParam[] = [{ role: 'user', content: 'Wie heißt 東京 auf Deutsch? 🚀' }]
const REQUEST = { model: 'sim', system: SYSTEM, messages: MESSAGES, max_tokens: 40 } as const
const PIECES = scriptFor(chatPromptText([{ content: SYSTEM }, ...MESSAGES]), 0, 40).pieces
const TOOLS: Anthropic.Tool[] = [
  {
    name: 'weather',
    input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
]

function clientOf(baseURL: string): Anthropic {
  return new Anthropic({ baseURL, apiKey: 'any', maxRetries: 0 })
}

suite('The client gets a message', () => {
  test('token for token, with the usage of both engines', async () => {
    const { content, stop_reason, usage } = await client.messages.create({ ...REQUEST })
    assert.deepEqual(content, [{ type: 'text', text: PIECES.join('') }])
    assert.equal(stop_reason, 'max_tokens')
    assert.equal(usage.output_tokens, 40)
    assert.ok(usage.input_tokens > 0)
    await until(() => runningOn(fleet) === 0)
  })

  test('that uses a tool', async () => {
    const { content, stop_reason } = await client.messages.create({
      ...REQUEST,
      max_tokens: 200,
      tools: TOOLS,
    })
    const [block] = content
    assert.ok(block?.type === 'tool_use')
    assert.equal(block.name, 'weather')
    assert.deepEqual(Object.keys(Object(block.input)), ['city'])
    assert.equal(stop_reason, 'tool_use')
  })
})

suite('The client streams a message', () => {
  test('token for token, up to its last event', async () => {
    const stream = await client.messages.create({ ...REQUEST, stream: true })
    const pieces: string[] = []
    const types: string[] = []
    for await (const event of stream) {
      if (event.type === 'content_block_delta' && event.delta.type === 'text_delta')
        pieces.push(event.delta.text)
      if (types.at(-1) !== event.type) types.push(event.type)
    }
    assert.deepEqual(
      pieces,
      PIECES.filter(piece => piece !== ''),
    )
    assert.deepEqual(types, [
      'message_start',
      'content_block_start',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ])
  })

  test('with the usage of both engines', async () => {
    const { usage } = await client.messages.stream({ ...REQUEST }).finalMessage()
    assert.equal(usage.output_tokens, 40)
    assert.ok(usage.input_tokens > 0)
  })

  test('without [DONE], which is not of this API', async () => {
    const body = JSON.stringify({ ...REQUEST, stream: true })
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${origin}/v1/messages`, { method: 'POST', headers, body })
    const text = await response.text()
    assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8')
    assert.doesNotMatch(text, /DONE/)
    assert.match(text, /event: message_stop\ndata: {"type":"message_stop"}\n\n$/)
  })

  test('that uses a tool', async () => {
    const stream = client.messages.stream({ ...REQUEST, max_tokens: 200, tools: TOOLS })
    const { content } = await stream.finalMessage()
    assert.equal(content[0]?.type, 'tool_use')
  })

  test('and leaves in the middle: nothing runs on', async () => {
    const stream = client.messages.stream({ ...REQUEST, max_tokens: 100_000 })
    for await (const { type } of stream) if (type === 'content_block_delta') break
    await until(() => runningOn(fleet) === 0)
  })
})

suite('The client counts tokens', () => {
  test('as many as the message then has', async () => {
    const { model, system, messages } = REQUEST
    const { input_tokens } = await client.messages.countTokens({ model, system, messages })
    assert.equal(input_tokens, (await client.messages.create({ ...REQUEST })).usage.input_tokens)
  })

  test('on any engine, also while there is no pair', async t => {
    const gateway = await openGateway(t, { fleet: { prefill: 1, decode: 0 } })
    const { input_tokens } = await clientOf(gateway.origin).messages.countTokens({
      model: 'sim',
      messages: MESSAGES,
    })
    assert.ok(input_tokens > 0)
  })

  test('and gets the reason why a request is wrong', async () => {
    const error: unknown = await client.messages
      .countTokens(JSON.parse('{"model":"sim","messages":"x"}'))
      .catch(asError)
    assert.ok(error instanceof BadRequestError)
    assert.match(error.message, /messages/)
  })
})

suite('The client gets an error for what cannot be served', () => {
  test('a wrong number, in the words of the engine', async () => {
    const error: unknown = await client.messages.create({ ...REQUEST, max_tokens: 0 }).catch(asError)
    assert.ok(error instanceof BadRequestError)
    assert.equal(error.type, 'invalid_request_error')
    assert.match(error.message, /max_tokens must be positive/)
  })

  test('batches of messages', async () => {
    const error: unknown = await client.messages.batches.retrieve('msgbatch_1').catch(asError)
    assert.ok(error instanceof NotFoundError)
    assert.equal(error.type, 'not_found_error')
    assert.match(error.message, /does not serve/)
  })

  for (const [what, knobs] of [
    ["SGLang's server in Rust", { profile: 'sglang-2026-10-rust' }],
    ['a version that reads no bootstrap fields here', { profile: 'sglang-2026-07' }],
  ] as const)
    test(`anything, by ${what}`, async t => {
      const gateway = await openGateway(t, { fleet: { prefill: 1, decode: 1, knobs } })
      const error: unknown = await clientOf(gateway.origin)
        .messages.create({ ...REQUEST })
        .catch(asError)
      assert.ok(error instanceof NotFoundError, String(error))
      assert.match(error.message, /use \/v1\/chat\/completions/)
      assert.equal(error.type, 'not_found_error')
    })
})

suite('Faults of engines', () => {
  test('before the first token are repeated, without the client noticing', async t => {
    const gateway = await openGateway(t, {
      fleet: { prefill: 1, decode: 2 },
      config: { policy: { main: 'round_robin' } },
    })
    const [broken] = gateway.fleet.decode
    assert.ok(broken)
    Object.assign(broken.knobs, { errorInStreamProb: 1 })
    for (let request = 0; request < 6; request++) {
      const stream = clientOf(gateway.origin).messages.stream({ ...REQUEST })
      assert.equal(await stream.finalText(), PIECES.join(''))
    }
    assert.ok(broken.counters.failed > 0)
  })

  test('whose reason the engine hides are repeated, too', async t => {
    const gateway = await openGateway(t, {
      fleet: { prefill: 1, decode: 2 },
      config: { policy: { main: 'round_robin' } },
    })
    const [broken] = gateway.fleet.decode
    assert.ok(broken)
    broken.knobs.errorStatusProb = 1
    for (let request = 0; request < 4; request++) {
      const { content } = await clientOf(gateway.origin).messages.create({ ...REQUEST })
      assert.deepEqual(content, [{ type: 'text', text: PIECES.join('') }])
    }
    assert.ok(broken.counters.failed > 0)
  })

  test('in the middle of a stream are an error of the client library', async t => {
    const gateway = await openGateway(t, {
      fleet: { prefill: 1, decode: 1, knobs: { resetMidStreamProb: 1 } },
    })
    const stream = await clientOf(gateway.origin).messages.create({
      ...REQUEST,
      max_tokens: 400,
      stream: true,
    })
    const read = async (): Promise<void> => {
      for await (const { type } of stream) assert.notEqual(type, 'message_stop')
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
