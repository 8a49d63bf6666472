/** What SGLang 0.5.23 does differently from the versions before it, as it was run in November 2026. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { suite, test } from 'node:test'
import { ManualClock } from '../../../src/simulator/clock/manual-clock.ts'
import { knobsWith } from '../../../src/simulator/settings/knobs.ts'
import { at, parseStream } from '../../support/sse.ts'
import { until } from '../../support/until.ts'
import { fleetFor, get, inTurn, joined, only, open, post } from './support.ts'

const GENERATE = { text: 'Hello', sampling_params: { max_new_tokens: 8 } }
const ENDLESS = { text: 'Hello', stream: true, sampling_params: { max_new_tokens: 100_000 } }
const RUST = { profile: 'sglang-2026-10-rust' } as const

test('it is the default', () => {
  assert.equal(knobsWith({}).profile, 'sglang-2026-10')
})

suite('a prefill and a decode engine', () => {
  test('a stream whose client leaves is freed at once', async t => {
    const clock = new ManualClock()
    const fleet = await fleetFor(t, { mixed: 1, clock, knobs: { streamAbortDelayMs: null } })
    const engine = only(fleet.mixed)
    const leg = open(engine.url, '/generate', ENDLESS)
    await until(() => engine.running() === 1)
    clock.advance(50)
    await leg.firstBytes
    leg.close()
    await until(() => engine.counters.disconnected === 1)
    clock.advance(2)
    assert.equal(engine.running(), 0)
  })

  test('a prefill request whose decode request was aborted before it came fails at once', async t => {
    const fleet = await fleetFor(t, { prefill: 1, decode: 1 })
    const [prefill, decode] = [only(fleet.prefill), only(fleet.decode)]
    const body = { ...GENERATE, ...joined(prefill, 9) }
    const waiting = open(decode.url, '/generate', { ...body, rid: 'gone' })
    await until(() => decode.scheduler.load().transferQueue === 1)
    await post(decode.url, '/abort_request', { rid: 'gone' })
    assert.equal((await waiting.response).status, 500)
    const late = await post(prefill.url, '/generate', body)
    assert.equal(late.status, 500)
    assert.match(late.body, /Failed due to an unknown reason from another rank/)
  })

  test('a refused bootstrap port fails its own requests after 14 s and disturbs no others', async t => {
    const clock = new ManualClock()
    const knobs = { unreachableStallMs: 5000, handshakeRetryMs: 1000 }
    const fleet = await fleetFor(t, { prefill: 1, decode: 1, clock, knobs })
    const [prefill, decode] = [only(fleet.prefill), only(fleet.decode)]
    const refused = { ...joined(prefill, 1), bootstrap_port: 1 }
    const lost = post(decode.url, '/generate', { ...GENERATE, ...refused })
    await until(() => decode.running() === 1)
    const pair = { ...GENERATE, ...joined(prefill, 2) }
    const sound = Promise.all([prefill, decode].map(({ url }) => post(url, '/generate', pair)))
    await until(() => decode.running() === 2 && prefill.running() === 1)
    clock.advance(1000)
    assert.deepEqual(
      (await sound).map(({ status }) => status),
      [200, 200],
    )
    clock.advance(12_999)
    assert.equal(decode.running(), 1)
    clock.advance(1)
    assert.equal((await lost).status, 500)
  })

  test('a bootstrap port that stays silent blocks the whole decode engine', async t => {
    const clock = new ManualClock()
    const knobs = { unreachableStallMs: 5000, handshakeRetryMs: 1000 }
    const fleet = await fleetFor(t, { prefill: 2, decode: 1, clock, knobs })
    const [silent, prefill, decode] = [only(fleet.prefill), only(fleet.prefill, 1), only(fleet.decode)]
    silent.knobs.blackhole = true
    const lost = open(decode.url, '/generate', { ...GENERATE, ...joined(silent, 1) })
    await until(() => decode.running() === 1)
    const pair = { ...GENERATE, ...joined(prefill, 2) }
    const sound = Promise.all([prefill, decode].map(({ url }) => post(url, '/generate', pair)))
    await until(() => decode.running() === 2 && prefill.running() === 1)
    clock.advance(4000)
    assert.equal(decode.running(), 2)
    clock.advance(80_000)
    assert.deepEqual(
      (await sound).map(({ status }) => status),
      [200, 200],
    )
    assert.equal((await lost.response).status, 500)
  })
})

test('one prompt for no sample is answered like one for one sample', async t => {
  const { url } = only((await fleetFor(t, { mixed: 1 })).mixed)
  const body = { text: 'x', sampling_params: { n: 0, max_new_tokens: 2 } }
  const { status, body: text } = await post(url, '/generate', body)
  assert.equal(status, 200)
  assert.equal(at(JSON.parse(text), 'meta_info', 'completion_tokens'), 2)
})

suite('a bad request', () => {
  const REFUSED: readonly [name: string, path: string, body: object, error: RegExp][] = [
    [
      'a parameter of the wrong type',
      '/generate',
      { text: 'x', sampling_params: { temperature: 'hot' } },
      /^\{"error":"invalid type: string \\"hot\\", expected f64"\}$/,
    ],
    [
      'an unknown sampling parameter',
      '/generate',
      { text: 'x', sampling_params: { warmth: 1 } },
      /^\{"error":"unknown field `warmth`"\}$/,
    ],
    [
      'a negative length',
      '/generate',
      { text: 'x', sampling_params: { max_new_tokens: -1 } },
      /max_new_tokens must be/,
    ],
    [
      'a list of prompts for no sample',
      '/generate',
      { text: ['x', 'y'], sampling_params: { n: 0 } },
      /n must be .*1, got 0/,
    ],
    [
      'an unknown role',
      '/v1/chat/completions',
      { messages: [{ role: 'boss', content: 'x' }] },
      /'boss' is not a role/,
    ],
    [
      'a message without content',
      '/v1/chat/completions',
      { messages: [{ role: 'user', content: null }] },
      /content of role 'user' is missing/,
    ],
    ['an empty prompt', '/v1/completions', { prompt: '' }, /Prompt cannot be empty/],
    ['a LoRA adapter', '/v1/completions', { prompt: 'x', model: 'sim:mine' }, /LoRA adapter 'mine'/],
    ['a text that is a number', '/generate', { text: 17 }, /body.text: Input should be a valid string/],
    ['a top_p above 1', '/v1/completions', { prompt: 'x', top_p: 2 }, /top_p must be in \(0, 1\], got 2/],
    [
      'a minimum above the maximum',
      '/generate',
      { text: 'x', sampling_params: { min_new_tokens: 9, max_new_tokens: 3 } },
      /min_new_tokens must be in \[0, max_new_tokens\(3\)\], got 9/,
    ],
    [
      'a pattern that is not closed',
      '/generate',
      { text: 'x', sampling_params: { regex: '(' } },
      /Failed to compile regex grammar/,
    ],
    [
      'no token on /v1/completions',
      '/v1/completions',
      { prompt: 'x', max_tokens: 0 },
      /max_tokens must be positive/,
    ],
    [
      'an unknown response format',
      '/v1/chat/completions',
      { messages: [{ role: 'user', content: 'x' }], response_format: { type: 'xml' } },
      /body.response_format/,
    ],
    [
      'a tool without a name',
      '/v1/chat/completions',
      { messages: [{ role: 'user', content: 'x' }], tools: [{ type: 'function', function: {} }] },
      /name: Field required/,
    ],
    [
      'the choice of a tool without tools',
      '/v1/chat/completions',
      {
        messages: [{ role: 'user', content: 'x' }],
        tool_choice: { type: 'function', function: { name: 'missing' } },
      },
      /Tools cannot be empty/,
    ],
    [
      'a rank that does not exist',
      '/generate',
      { text: 'x', routed_dp_rank: 1 },
      /routed_dp_rank=1 out of range/,
    ],
  ]
  for (const [name, path, body, error] of REFUSED) {
    test(`${name} gets a 400`, async t => {
      const response = await post(only((await fleetFor(t, { mixed: 1 })).mixed).url, path, body)
      assert.equal(response.status, 400, response.body)
      assert.match(response.body, error)
    })
  }

  test('top logprobs without bound end with the vocabulary, and stop no engine', async t => {
    const { url } = only((await fleetFor(t, { mixed: 1 })).mixed)
    const { status, body } = await post(url, '/v1/completions', {
      prompt: 'x',
      max_tokens: 1,
      logprobs: 1e20,
    })
    assert.equal(status, 200, body.slice(0, 200))
    const tops = at(JSON.parse(body), 'choices', 0, 'logprobs', 'top_logprobs', 0)
    assert.equal(Object.keys(tops as object).length, 20_000) // oxlint-disable-line typescript/no-unsafe-type-assertion -- an object of token names
  })

  test('a prompt too long for the context is reported inside a /generate stream, with status 200', async t => {
    const { url } = only((await fleetFor(t, { mixed: 1, knobs: { contextLen: 4 } })).mixed)
    const streamed = await post(url, '/generate', { ...ENDLESS, text: 'x'.repeat(80) })
    const { events, hasDone } = parseStream(streamed.body)
    assert.deepEqual([streamed.status, hasDone, events.length], [200, true, 1])
    assert.equal(at(events[0], 'error', 'code'), 400)
    const chat = { messages: [{ role: 'user', content: 'x'.repeat(80) }], stream: true }
    assert.equal((await post(url, '/v1/chat/completions', chat)).status, 400)
  })

  test('an abort with a rid that is no text gets a 400', async t => {
    const { url } = only((await fleetFor(t, { mixed: 1 })).mixed)
    assert.equal((await post(url, '/abort_request', { rid: 7 })).status, 400)
    assert.equal((await post(url, '/abort_request', {})).status, 200)
  })

  test('a wrong method gets a 405 that names the right ones, and a path that is gone a 404', async t => {
    const { url } = only((await fleetFor(t, { mixed: 1 })).mixed)
    const wrong = await fetch(`${url}/generate`)
    assert.deepEqual([wrong.status, wrong.headers.get('allow')], [405, 'POST, PUT'])
    assert.equal((await get(url, '/get_load')).status, 404)
  })
})

suite('an answer', () => {
  test('names the version of the weights and where cached tokens were, and details of the usage', async t => {
    const { url } = only((await fleetFor(t, { mixed: 1, knobs: { pageSize: 1, prefixCache: true } })).mixed)
    const body = { text: 'The same prompt twice', sampling_params: { max_new_tokens: 2 } }
    const first = JSON.parse((await post(url, '/generate', body)).body)
    const second = JSON.parse((await post(url, '/generate', body)).body)
    assert.deepEqual(at(first, 'meta_info', 'weight_versions'), [{ version: 'default', start: 0, end: 2 }])
    assert.equal(at(first, 'meta_info', 'cached_tokens_details'), null)
    const device = at(second, 'meta_info', 'cached_tokens')
    assert.deepEqual(at(second, 'meta_info', 'cached_tokens_details'), { device, host: 0 })
    const completion = JSON.parse((await post(url, '/v1/completions', { prompt: 'x', max_tokens: 2 })).body)
    assert.equal(at(completion, 'usage', 'completion_tokens_details'), null)
    assert.deepEqual(at(completion, 'metadata', 'weight_versions'), [
      { version: 'default', start: 0, end: 2 },
    ])
  })

  test('counts no cached tokens from the first one on whose logprob is asked for', async t => {
    const { url } = only((await fleetFor(t, { mixed: 1, knobs: { pageSize: 1, prefixCache: true } })).mixed)
    const body = { text: 'The same prompt twice', sampling_params: { max_new_tokens: 2 } }
    await post(url, '/generate', body)
    for (const logprob_start_len of [0, 2]) {
      const { body: text } = await post(url, '/generate', {
        ...body,
        return_logprob: true,
        logprob_start_len,
      })
      assert.equal(at(JSON.parse(text), 'meta_info', 'cached_tokens'), logprob_start_len)
    }
  })

  test('has the best logprobs of the prompt in flat arrays with their shape, if asked for', async t => {
    const { url } = only((await fleetFor(t, { mixed: 1 })).mixed)
    const body = {
      text: 'Four or five tokens',
      return_logprob: true,
      logprob_start_len: 0,
      top_logprobs_num: 2,
      return_flat_raw_top_logprobs: true,
      sampling_params: { max_new_tokens: 2 },
    }
    const meta = at(JSON.parse((await post(url, '/generate', body)).body), 'meta_info')
    const rows = Number(at(meta, 'prompt_tokens')) - 1
    assert.deepEqual(at(meta, 'input_top_logprobs_shape'), [rows, 2])
    assert.equal(at(meta, 'input_top_logprobs_null_prefix'), 1)
    assert.equal(at(meta, 'input_top_logprobs'), undefined)
    for (const name of ['input_top_logprobs_val_flat', 'input_top_logprobs_idx_flat']) {
      const flat = at(meta, name)
      assert.ok(Array.isArray(flat))
      assert.equal(flat.length, rows * 2)
    }
  })
})

suite('the end of an engine', () => {
  test('a request that arrives after the last look of a drain is never answered, and keeps the process', async t => {
    const clock = new ManualClock()
    const engine = only(
      (await fleetFor(t, { mixed: 1, clock, knobs: { drainPollMs: 5000, drainCloseMs: 50 } })).mixed,
    )
    await engine.setHealth('draining')
    clock.advance(5000)
    const late = open(engine.url, '/generate', GENERATE)
    await until(() => engine.counters.received === 1)
    clock.advance(50)
    await until(() => isRefused(engine.port))
    clock.advance(60_000)
    assert.deepEqual([engine.health, engine.sockets], ['exiting', 1])
    late.close()
    await until(() => engine.health === 'dead')
  })

  test('an engine whose scheduler has crashed accepts requests, stays silent, and is gone after 65 s', async t => {
    const clock = new ManualClock()
    const engine = only((await fleetFor(t, { mixed: 1, clock })).mixed)
    await engine.setHealth('scheduler-crashed')
    const leg = open(engine.url, '/generate', GENERATE)
    const probe = open(engine.url, '/health', {})
    await until(() => engine.sockets === 2)
    clock.advance(64_999)
    assert.deepEqual([engine.health, engine.counters.received], ['scheduler-crashed', 0])
    clock.advance(1)
    await assert.rejects(leg.response)
    await assert.rejects(probe.response)
  })
})

suite('the Rust front end', () => {
  test('says in /server_info what it is, and lacks some paths', async t => {
    const { url } = only((await fleetFor(t, { mixed: 1, knobs: RUST })).mixed)
    const info = await get(url, '/server_info')
    assert.equal(at(JSON.parse(info.body), 'frontend'), 'rust')
    assert.equal(info.headers['server'], undefined)
    const statuses = await inTurn(['/get_server_info', '/ready'], async path => (await get(url, path)).status)
    assert.deepEqual(statuses, [404, 404])
  })

  test('writes text and meta_info before the ids, without the fields that only Python has', async t => {
    const { url } = only((await fleetFor(t, { mixed: 1, knobs: RUST })).mixed)
    const body: unknown = JSON.parse((await post(url, '/generate', GENERATE)).body)
    assert.deepEqual(Object.keys(Object(body)), ['text', 'meta_info', 'output_ids'])
    assert.equal(at(body, 'meta_info', 'dp_rank'), undefined)
    assert.equal(at(body, 'meta_info', 'num_retractions'), undefined)
  })

  test('refuses any other number of samples than one on /generate', async t => {
    const { url } = only((await fleetFor(t, { mixed: 1, knobs: RUST })).mixed)
    for (const n of [0, 2]) {
      const { status, body } = await post(url, '/generate', { text: 'x', sampling_params: { n } })
      assert.equal(status, 400)
      assert.match(body, new RegExp(`n must be 1 \\(parallel sampling is not supported\\), got ${n}`))
    }
  })

  test('aborts by the exact rid only, and says 499 without the text so far', async t => {
    const engine = only((await fleetFor(t, { mixed: 1, knobs: RUST })).mixed)
    const body = { text: 'Hello', sampling_params: { max_new_tokens: 100_000 } }
    const [first, second] = ['job-1', 'job-10'].map(rid => open(engine.url, '/generate', { ...body, rid }))
    await until(() => engine.running() === 2)
    await post(engine.url, '/abort_request', { rid: 'job-1' })
    const aborted = await first?.response
    assert.equal(aborted?.status, 499)
    assert.deepEqual(JSON.parse(aborted?.body ?? ''), {
      error: { message: 'client disconnected', code: 499 },
    })
    assert.equal(engine.running(), 1)
    second?.close()
  })

  test('names completions itself, so that no rid of a client aborts one', async t => {
    const engine = only((await fleetFor(t, { mixed: 1, knobs: RUST })).mixed)
    const leg = open(engine.url, '/v1/completions', {
      prompt: 'x',
      max_tokens: 100_000,
      rid: 'mine',
      stream: true,
    })
    assert.match(await leg.firstBytes, /"id":"cmpl-[0-9a-f]{32}"/)
    await post(engine.url, '/abort_request', { rid: 'mine' })
    assert.deepEqual([engine.running(), engine.counters.aborted], [1, 0])
    leg.close()
  })

  test('puts the error of one prompt of a batch in its place', async t => {
    const engine = only((await fleetFor(t, { mixed: 1, knobs: { ...RUST, maxReqInputLen: 4 } })).mixed)
    const body = { text: ['Hi', 'x'.repeat(80)], sampling_params: { max_new_tokens: 2 } }
    const response = await post(engine.url, '/generate', body)
    assert.equal(response.status, 200)
    const items: unknown = JSON.parse(response.body)
    assert.equal(at(items, 0, 'meta_info', 'completion_tokens'), 2)
    assert.equal(at(items, 1, 'error', 'code'), 400)
  })

  test('puts errors under `error` on all routes', async t => {
    const { url } = only((await fleetFor(t, { mixed: 1, knobs: { ...RUST, contextLen: 4 } })).mixed)
    const native = await post(url, '/generate', { ...GENERATE, text: 'x'.repeat(80) })
    assert.deepEqual(Object.keys(Object(at(JSON.parse(native.body), 'error'))), ['message', 'code'])
    const chat = await post(url, '/v1/completions', { prompt: 'x'.repeat(80) })
    assert.equal(at(JSON.parse(chat.body), 'error', 'object'), 'error')
  })

  test('does not drain: half a second after SIGTERM every connection is cut, and until then it is healthy', async t => {
    const clock = new ManualClock()
    const engine = only((await fleetFor(t, { mixed: 1, clock, knobs: RUST })).mixed)
    const leg = open(engine.url, '/generate', ENDLESS)
    await until(() => engine.running() === 1)
    await engine.setHealth('draining')
    clock.advance(499)
    assert.equal(engine.health, 'up')
    clock.advance(1)
    assert.equal((await leg.response).isCut, true)
    await until(() => engine.health === 'dead')
  })
})

async function isRefused(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return false
  } catch {
    return true
  } finally {
    socket.destroy()
  }
}
