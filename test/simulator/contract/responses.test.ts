/** Response formats: a pair must respond exactly as a mixed engine. */
import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import { ManualClock } from '../../../src/simulator/clock/manual-clock.ts'
import { chatPromptText, expectedText, idsPromptText } from '../../../src/simulator/sequence/output-script.ts'
import type { Knobs } from '../../../src/simulator/settings/knobs.ts'
import { at, parseStream } from '../../support/sse.ts'
import { until } from '../../support/until.ts'
import { fleetFor, joined, only, open, post, type TextResponse } from './support.ts'

interface Trio {
  readonly prefill: TextResponse
  readonly decode: TextResponse
  readonly mixed: TextResponse
}

/** Sends one request to a pair, and the same one to a mixed engine. */
async function ask(t: TestContext, path: string, body: object, knobs: Partial<Knobs> = {}): Promise<Trio> {
  const fleet = await fleetFor(t, { prefill: 1, decode: 1, mixed: 1, knobs })
  const pair = { ...body, ...joined(only(fleet.prefill), 77) }
  const [prefill, decode, mixed] = await Promise.all([
    post(only(fleet.prefill).url, path, pair),
    post(only(fleet.decode).url, path, pair),
    post(only(fleet.mixed).url, path, body),
  ])
  return { prefill, decode, mixed }
}

function rowsOf(value: unknown): readonly unknown[] {
  assert.ok(Array.isArray(value))
  return value
}

/** Removes the values that differ from run to run. */
function steady(body: string): unknown {
  const text = body
    .replace(/"(e2e_latency|response_sent_to_client_ts|created)":[\d.]+/g, '"$1":0')
    .replace(/"id":"[0-9a-f]{32}"/g, '"id":"random"')
  return text.startsWith('data:') ? parseStream(text) : JSON.parse(text)
}

const CHAT = { messages: [{ role: 'user', content: 'Hi there' }], max_tokens: 40 }

const SAME: readonly [name: string, path: string, body: object][] = [
  ['/generate', '/generate', { text: 'Hello', rid: 'mine' }],
  ['/generate stream', '/generate', { text: 'Hello', stream: true, rid: 'mine' }],
  ['/generate with ids', '/generate', { input_ids: [1, 2, 3], sampling_params: { max_new_tokens: 1 } }],
  ['/generate batch', '/generate', { text: ['one', 'two'], sampling_params: [{ max_new_tokens: 3 }, {}] }],
  ['chat', '/v1/chat/completions', { ...CHAT, logprobs: true, top_logprobs: 2 }],
  ['chat stream', '/v1/chat/completions', { ...CHAT, stream: true, stream_options: { include_usage: true } }],
  ['chat that stops', '/v1/chat/completions', { messages: [{ role: 'user', content: 'Go <stop:3>' }] }],
  ['completions', '/v1/completions', { prompt: 'Hello', max_tokens: 20, logprobs: 1 }],
  ['completions batch', '/v1/completions', { prompt: ['one', [4, 5]], max_tokens: 20, rid: 'x' }],
  [
    'completions stream',
    '/v1/completions',
    { prompt: 'Hello', stream: true, stream_options: { include_usage: true } },
  ],
]

suite('decode responds as a mixed engine does', () => {
  for (const [name, path, body] of SAME) {
    test(name, async t => {
      const { prefill, decode, mixed } = await ask(t, path, body)
      assert.deepEqual([prefill.status, decode.status, mixed.status], [200, 200, 200])
      assert.deepEqual(steady(decode.body), steady(mixed.body))
    })
  }

  test('except for prompt logprobs, which only prefill has', async t => {
    const body = {
      text: 'A longer prompt than four',
      sampling_params: { max_new_tokens: 3 },
      return_logprob: true,
      logprob_start_len: 0,
      top_logprobs_num: 2,
      token_ids_logprob: [5, 6],
      return_text_in_logprobs: true,
    }
    const { prefill, decode, mixed } = await ask(t, '/generate', body)
    const [prefillInfo, decodeInfo, mixedInfo] = [prefill, decode, mixed].map(({ body: text }) =>
      at(JSON.parse(text), 'meta_info'),
    )
    for (const field of ['input_token_logprobs', 'input_top_logprobs', 'input_token_ids_logprobs']) {
      assert.deepEqual(at(decodeInfo, field), [])
      assert.deepEqual(at(prefillInfo, field), at(mixedInfo, field))
      assert.equal(at(prefillInfo, field, 'length'), 7)
    }
    assert.equal(at(prefillInfo, 'input_token_logprobs', 0, 0), null)
    for (const field of ['output_token_logprobs', 'output_top_logprobs']) {
      assert.deepEqual(at(decodeInfo, field), at(mixedInfo, field))
    }
    const [first, ...rest] = rowsOf(at(mixedInfo, 'output_token_ids_logprobs'))
    assert.ok(Array.isArray(first))
    assert.deepEqual(at(decodeInfo, 'output_token_ids_logprobs'), [null, ...rest])
  })
})

suite('prefill', () => {
  test('responds with one token and finish reason length 0', async t => {
    const { prefill } = await ask(t, '/generate', { text: 'Hello' })
    const parsed: unknown = JSON.parse(prefill.body)
    assert.deepEqual(at(parsed, 'meta_info', 'finish_reason'), { type: 'length', length: 0 })
    assert.equal(at(parsed, 'text'), expectedText('Hello', 0, 1))
  })

  test('makes decode send garbage if it finds the prompt too long', async t => {
    const fleet = await fleetFor(t, {
      prefill: 1,
      decode: 1,
      knobsFor: role => (role === 'prefill' ? { maxReqInputLen: 3 } : {}),
    })
    const body = { text: 'A prompt of many tokens', ...joined(only(fleet.prefill), 4) }
    const [prefill, decode] = await Promise.all(
      [only(fleet.prefill), only(fleet.decode)].map(async engine =>
        JSON.parse((await post(engine.url, '/generate', body)).body),
      ),
    )
    assert.equal(at(prefill, 'meta_info', 'prompt_tokens'), 1)
    assert.equal(at(decode, 'meta_info', 'prompt_tokens'), 6)
    assert.notEqual(at(decode, 'text'), expectedText(body.text, 0, 128))
  })
})

suite('a mixed engine', () => {
  test('counts the prompt of n choices once', async t => {
    const fleet = await fleetFor(t, { mixed: 1 })
    const { url } = only(fleet.mixed)
    const chat: unknown = JSON.parse((await post(url, '/v1/chat/completions', { ...CHAT, n: 3 })).body)
    const text = expectedText(chatPromptText(CHAT.messages), 0, 40)
    for (const index of [0, 1, 2]) {
      assert.equal(at(chat, 'choices', index, 'index'), index)
      assert.equal(at(chat, 'choices', index, 'message', 'content'), text)
    }
    assert.deepEqual(at(chat, 'usage'), {
      prompt_tokens: 2,
      total_tokens: 122,
      completion_tokens: 120,
      prompt_tokens_details: null,
      reasoning_tokens: 0,
      completion_tokens_details: null,
    })
    const params = { sampling_params: { n: 2, max_new_tokens: 2 } }
    const native: unknown = JSON.parse((await post(url, '/generate', { text: ['a', 'b'], ...params })).body)
    assert.equal(at(native, 'length'), 4)
    assert.equal(at(native, 2, 'text'), expectedText('b', 0, 2))
  })

  test('streams n choices, each with its index', async t => {
    const fleet = await fleetFor(t, { mixed: 1 })
    const body = { ...CHAT, n: 2, stream: true }
    const { events } = parseStream((await post(only(fleet.mixed).url, '/v1/chat/completions', body)).body)
    const texts = ['', '']
    for (const event of events) {
      const index = Number(at(event, 'choices', 0, 'index'))
      const content = at(event, 'choices', 0, 'delta', 'content')
      if (typeof content === 'string') texts[index] += content
    }
    const text = expectedText('Hi there', 0, 40)
    assert.deepEqual(texts, [text, text])
  })
})

suite('streams', () => {
  test('of /generate contain the text so far, or deltas with incremental streaming', async t => {
    const body = { input_ids: [8, 9], stream: true, sampling_params: { max_new_tokens: 40 } }
    const text = expectedText(idsPromptText([8, 9]), 0, 40)
    const cumulative = parseStream((await ask(t, '/generate', body)).decode.body).events
    assert.equal(at(cumulative.at(-1), 'text'), text)
    const deltas = parseStream(
      (await ask(t, '/generate', body, { incrementalStreaming: true })).decode.body,
    ).events
    assert.equal(deltas.map(event => at(event, 'text')).join(''), text)
    assert.equal(deltas.length, 40)
  })

  test('merge tokens into one event while the thread is busy', async t => {
    const clock = new ManualClock()
    const knobs = { itlBaseMs: 20, catchUpMs: 50, incrementalStreaming: true }
    const engine = only((await fleetFor(t, { mixed: 1, knobs, clock })).mixed)
    const body = { text: 'busy', stream: true, sampling_params: { max_new_tokens: 20 } }
    const { response, firstBytes } = open(engine.url, '/generate', body)
    await until(() => engine.running() === 1, 'the engine has the request')
    clock.advance(30)
    await firstBytes
    clock.block(200)
    clock.advance(1000)
    const { events } = parseStream((await response).body)
    const counts = events.map(event => Number(at(event, 'meta_info', 'completion_tokens')))
    assert.deepEqual(
      counts.map((count, index) => count - (counts[index - 1] ?? 0)).filter(increase => increase > 1),
      [10],
    )
    assert.equal(events.map(event => at(event, 'text')).join(''), expectedText('busy', 0, 20))
  })

  test('of a batch have an index in each event', async t => {
    const body = { text: ['a', 'b'], stream: true, rid: 'r', sampling_params: { max_new_tokens: 2 } }
    const { events } = parseStream((await ask(t, '/generate', body)).decode.body)
    const last = new Map(events.map(event => [at(event, 'index'), event]))
    assert.equal(at(last.get(1), 'meta_info', 'id'), 'r_1')
    assert.equal(at(last.get(0), 'text'), expectedText('a', 0, 2))
  })

  test('send their head at once on /generate, with the first token in a chat', async t => {
    const fleet = await fleetFor(t, { decode: 1, prefill: 1 })
    const { url } = only(fleet.decode)
    const link = { ...joined(only(fleet.prefill), 1), stream: true }
    const native = open(url, '/generate', { text: 'x', ...link })
    assert.equal((await native.head).status, 200)
    const chat = open(url, '/v1/chat/completions', { ...CHAT, ...link, bootstrap_room: 2, rid: 'c' })
    const first = await Promise.race([
      chat.head,
      post(url, '/ping', {}).then(() => post(url, '/abort_request', { rid: 'none' })),
    ])
    assert.ok('body' in first, 'chat has no head yet')
    native.close()
    chat.close()
  })
})
