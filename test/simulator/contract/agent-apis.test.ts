/** `/v1/responses` and `/v1/messages` as a pair of SGLang 0.5.23 served them in November 2026. */
import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import { eventsIn } from '../../../workers/sse/events.ts'
import { at } from '../../support/sse.ts'
import { until } from '../../support/until.ts'
import { fleetFor, joined, only, open, post, type TextResponse } from './support.ts'

const RESPONSE = { model: 'sim', input: 'hello there', max_output_tokens: 8, temperature: 0 }
const MESSAGE = { model: 'sim', messages: [{ role: 'user', content: 'hello' }], max_tokens: 6 }
const FUNCTION = { type: 'function', name: 'f', parameters: { type: 'object', properties: {} } }

/** The responses of both engines of a pair. */
async function ask(t: TestContext, path: string, body: object): Promise<TextResponse[]> {
  const fleet = await fleetFor(t, { prefill: 1, decode: 1 })
  const pair = { ...body, ...joined(only(fleet.prefill), 5) }
  return Promise.all([only(fleet.prefill), only(fleet.decode)].map(({ url }) => post(url, path, pair)))
}

async function decodeOf(t: TestContext, path: string, body: object): Promise<string> {
  const [, decode] = await ask(t, path, body)
  assert.ok(decode)
  assert.equal(decode.status, 200, decode.body)
  return decode.body
}

interface NamedEvent {
  readonly name: string
  readonly data: unknown
}

function namedEvents(text: string): NamedEvent[] {
  return eventsIn(Buffer.from(text)).map(({ name, data }) => ({ name, data: JSON.parse(data.toString()) }))
}

/** The names of the events; of several in a row, one. */
function namesOf(events: readonly NamedEvent[]): string[] {
  return events.map(({ name }) => name).filter((name, index, all) => name !== all[index - 1])
}

suite('a response', () => {
  test('has its output, its usage and what the request asked for', async t => {
    const response: unknown = JSON.parse(
      await decodeOf(t, '/v1/responses', { ...RESPONSE, request_id: 'resp_1' }),
    )
    assert.partialDeepStrictEqual(response, {
      id: 'resp_1',
      object: 'response',
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      max_output_tokens: 8,
      temperature: 0,
      error: null,
      // Two tokens less than asked for.
      usage: { output_tokens: 6 },
      text: { format: { type: 'text' } },
    })
    assert.equal(at(response, 'output', 0, 'content', 0, 'type'), 'output_text')
  })

  test('is streamed as events with names and numbers', async t => {
    const events = namedEvents(await decodeOf(t, '/v1/responses', { ...RESPONSE, stream: true }))
    assert.deepEqual(namesOf(events), [
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
    for (const [index, { name, data }] of events.entries()) {
      assert.equal(at(data, 'type'), name)
      assert.equal(at(data, 'sequence_number'), index)
    }
  })

  test('repeats the instructions and the tools in its first events', async t => {
    const body = { ...RESPONSE, instructions: 'Be brief.', tools: [FUNCTION], stream: true }
    const [created] = namedEvents(await decodeOf(t, '/v1/responses', body))
    assert.equal(at(created?.data, 'response', 'instructions'), 'Be brief.')
    assert.deepEqual(at(created?.data, 'response', 'tools'), [FUNCTION])
  })

  test('of no token says so', async t => {
    const body: unknown = JSON.parse(
      await decodeOf(t, '/v1/responses', { ...RESPONSE, max_output_tokens: 2 }),
    )
    assert.deepEqual(at(body, 'output'), [])
    assert.equal(at(body, 'usage', 'output_tokens'), 0)
  })

  test('that is aborted keeps its text and has failed', async t => {
    const fleet = await fleetFor(t, { mixed: 1 })
    const { url } = only(fleet.mixed)
    const endless = { ...RESPONSE, max_output_tokens: 100_000, stream: true, request_id: 'gone' }
    const leg = open(url, '/v1/responses', endless)
    await leg.firstBytes
    await until(() => only(fleet.mixed).counters.tokens > 0)
    await post(url, '/abort_request', { rid: 'gone' })
    const last = namedEvents((await leg.response).body).at(-1)
    assert.equal(last?.name, 'response.failed')
    assert.partialDeepStrictEqual(last.data, {
      response: { status: 'failed', error: { code: 'server_error' } },
    })
    assert.notEqual(at(last.data, 'response', 'usage'), null)
  })

  for (const [what, body, status, message] of [
    ['an unknown model', { ...RESPONSE, model: 'gpt' }, 404, /The model 'gpt' does not exist/],
    ['no model', { input: 'x' }, 400, /model/],
    ['a stored response', { ...RESPONSE, previous_response_id: 'resp_1' }, 400, /unavailable in PD mode/],
    ['too few tokens', { ...RESPONSE, max_output_tokens: 1 }, 400, /got -1/],
    ['no input', { model: 'sim' }, 400, /input/],
  ] as const)
    test(`is refused for ${what}`, async t => {
      const responses = await ask(t, '/v1/responses', body)
      for (const response of responses) {
        assert.equal(response.status, status, response.body)
        const { error }: { error?: unknown } = Object(JSON.parse(response.body))
        assert.match(String(at(error, 'message')), message)
        assert.equal(at(error, 'code'), status)
      }
    })
})

suite('a message', () => {
  test('has its content and its usage', async t => {
    const message: unknown = JSON.parse(await decodeOf(t, '/v1/messages', MESSAGE))
    assert.partialDeepStrictEqual(message, {
      type: 'message',
      role: 'assistant',
      stop_reason: 'max_tokens',
      usage: { output_tokens: 6 },
    })
    assert.equal(at(message, 'content', 0, 'type'), 'text')
  })

  test('is streamed as events with names', async t => {
    const events = namedEvents(await decodeOf(t, '/v1/messages', { ...MESSAGE, stream: true }))
    assert.deepEqual(namesOf(events), [
      'message_start',
      'content_block_start',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ])
    assert.ok(Number(at(events[0]?.data, 'message', 'usage', 'input_tokens')) > 0)
    assert.deepEqual(at(events.at(-2)?.data, 'usage'), { output_tokens: 6 })
  })

  test('that fails in its stream knows nothing of the prompt, and stops all the same', async t => {
    const fleet = await fleetFor(t, { decode: 1, prefill: 0 })
    const { body } = await post(only(fleet.decode).url, '/v1/messages', { ...MESSAGE, stream: true })
    const events = namedEvents(body)
    assert.deepEqual(namesOf(events), ['message_start', 'error', 'message_stop'])
    assert.deepEqual(at(events[0]?.data, 'message', 'usage'), { input_tokens: 0, output_tokens: 0 })
    assert.equal(at(events[1]?.data, 'error', 'type'), 'invalid_request_error')
    assert.match(String(at(events[1]?.data, 'error', 'message')), /without bootstrap room id/)
  })

  test('cannot be aborted by a rid', async t => {
    const fleet = await fleetFor(t, { mixed: 1 })
    const { url } = only(fleet.mixed)
    const leg = open(url, '/v1/messages', { ...MESSAGE, rid: 'mine', stream: true, max_tokens: 100_000 })
    await leg.firstBytes
    await post(url, '/abort_request', { rid: 'mine' })
    assert.equal(only(fleet.mixed).running(), 1)
    leg.close()
  })

  test('hides the reason of a failure of the engine', async t => {
    const fleet = await fleetFor(t, { mixed: 1, knobs: { errorStatusProb: 1, errorStatus: 500 } })
    const { status, body } = await post(only(fleet.mixed).url, '/v1/messages', MESSAGE)
    const error = { type: 'api_error', message: 'Internal server error' }
    assert.deepEqual([status, JSON.parse(body)], [500, { type: 'error', error }])
  })

  test('without max_tokens is refused', async t => {
    const [, decode] = await ask(t, '/v1/messages', { model: 'sim', messages: MESSAGE.messages })
    assert.equal(decode?.status, 400)
    assert.equal(at(JSON.parse(decode.body), 'error', 'message'), 'max_tokens: Field required')
  })
})

for (const profile of ['sglang-2026-10-rust', 'sglang-2026-07'] as const)
  test(`${profile} has neither path`, async t => {
    const fleet = await fleetFor(t, { mixed: 1, knobs: { profile } })
    for (const path of ['/v1/responses', '/v1/messages', '/v1/messages/count_tokens'])
      assert.equal((await post(only(fleet.mixed).url, path, MESSAGE)).status, 404)
  })
