/** The HTTP server of an engine, its information routes, and the schedulers as seen through them. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { suite, test } from 'node:test'
import { at, parseStream } from '../../support/sse.ts'
import { until } from '../../support/until.ts'
import { fleetFor, get, inTurn, joined, only, open, post } from './support.ts'

const GENERATE = { text: 'Hello', sampling_params: { max_new_tokens: 8 } }

suite('HTTP', () => {
  for (const [name, bytes] of [
    ['a head of more than 16 KiB', `GET /ping HTTP/1.1\r\nhost: x\r\nx-long: ${'a'.repeat(20_000)}\r\n\r\n`],
    ['an HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ] as const) {
    test(`${name} gets a 400 and a closed connection`, async t => {
      const socket = connect(only((await fleetFor(t, { mixed: 1 })).mixed).port, '127.0.0.1')
      let response = ''
      socket.on('data', (part: Buffer) => {
        response += part.toString()
      })
      socket.on('error', () => undefined)
      socket.write(bytes)
      await once(socket, 'close')
      assert.match(response, /^HTTP\/1.1 400 .*Invalid HTTP request received\.$/s)
    })
  }

  test('every route but the health probes requires the key', async t => {
    const engine = only((await fleetFor(t, { mixed: 1, knobs: { apiKey: 'secret' } })).mixed)
    const { status, body } = await post(engine.url, '/generate', GENERATE)
    assert.deepEqual([status, body], [401, '{"error":"Unauthorized"}'])
    assert.equal((await get(engine.url, '/health')).status, 200)
    const headers = { authorization: 'Bearer secret' }
    assert.equal((await fetch(`${engine.url}/v1/models`, { headers })).status, 200)
  })

  test('a body that is not JSON, or has fields of the wrong type, gets a 400 in the validation format', async t => {
    const { url } = only((await fleetFor(t, { mixed: 1 })).mixed)
    const bad = await fetch(`${url}/generate`, { method: 'POST', body: '{"text":' })
    assert.equal(bad.status, 400)
    assert.equal(at(await bad.json(), 'type'), 'Bad Request')
    const wrong = await post(url, '/v1/chat/completions', { messages: 'no list' })
    assert.deepEqual([wrong.status, at(JSON.parse(wrong.body), 'type')], [400, 'Bad Request'])
    const untyped = await fetch(`${url}/v1/completions`, { method: 'POST', body: '{"prompt":"x"}' })
    assert.equal(untyped.status, 400)
  })

  test('a client that pauses gets larger events later and loses nothing', async t => {
    const engine = only((await fleetFor(t, { mixed: 1 })).mixed)
    const tokens = 2000
    const socket = connect(engine.port, '127.0.0.1')
    const body = JSON.stringify({ text: 'x', stream: true, sampling_params: { max_new_tokens: tokens } })
    socket.pause()
    socket.write(
      `POST /generate HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    )
    await until(() => engine.counters.completed === 1, 'the engine has produced everything')
    let response = ''
    socket.on('data', (part: Buffer) => {
      response += part.toString('latin1')
    })
    socket.resume()
    await once(socket, 'close')
    assert.ok(response.includes(`"completion_tokens":${tokens},`))
    assert.ok(response.split('data: ').length < tokens)
  })
})

suite('the information routes', () => {
  test('report role, limits and bootstrap port', async t => {
    const fleet = await fleetFor(t, { prefill: 1, mixed: 1, knobs: { kvTokens: 5000, modelId: 'm' } })
    const prefill = only(fleet.prefill)
    const info: unknown = JSON.parse((await get(prefill.url, '/server_info')).body)
    assert.equal(at(info, 'disaggregation_mode'), 'prefill')
    assert.equal(at(info, 'disaggregation_bootstrap_port'), prefill.bootstrapPort)
    assert.equal(at(info, 'max_total_num_tokens'), 5000)
    const models: unknown = JSON.parse((await get(only(fleet.mixed).url, '/v1/models')).body)
    assert.equal(at(models, 'data', 0, 'id'), 'm')
    const ranks = await get(`http://127.0.0.1:${prefill.bootstrapPort}`, '/route')
    assert.equal(at(JSON.parse(ranks.body), 'prefill_http_port'), prefill.port)
    assert.equal((await get(`http://127.0.0.1:${prefill.bootstrapPort}`, '/health')).body, 'OK')
  })

  test('report the load of the queues', async t => {
    const fleet = await fleetFor(t, { prefill: 1 })
    const prefill = only(fleet.prefill)
    const leg = open(prefill.url, '/generate', { ...GENERATE, rid: 'r', ...joined(prefill, 3) })
    await until(() => prefill.running() === 1, 'it waits')
    const load: unknown = JSON.parse((await get(prefill.url, '/v1/loads?include=core,disagg')).body)
    assert.equal(at(load, 'loads', 0, 'disaggregation', 'prefill_bootstrap_queue_reqs'), 1)
    assert.equal(at(load, 'loads', 0, 'num_waiting_reqs'), 1)
    const { status, body } = await get(prefill.url, '/v1/loads?include=nonsense')
    assert.deepEqual([status, body], [500, 'Internal Server Error'])
    assert.equal((await get(prefill.url, '/flush_cache')).status, 400)
    await post(prefill.url, '/abort_request', { rid: 'r' })
    await leg.response
    assert.equal((await get(prefill.url, '/flush_cache')).status, 200)
  })
})

suite('schedulers', () => {
  test('a warm-up request needs no peer', async t => {
    const fleet = await fleetFor(t, { prefill: 1, decode: 1 })
    const link = { bootstrap_host: '2.2.2.2', bootstrap_room: 0 }
    const [prefill, decode] = await Promise.all(
      [only(fleet.prefill), only(fleet.decode)].map(async engine =>
        JSON.parse((await post(engine.url, '/generate', { ...GENERATE, ...link })).body),
      ),
    )
    assert.equal(at(prefill, 'output_ids', 'length'), 1)
    assert.equal(at(decode, 'output_ids', 'length'), 8)
  })

  test('a common prefix is cached, and decode reports the cached tokens of prefill', async t => {
    const knobs = { prefixCache: true, pageSize: 4, enableCacheReport: true }
    const fleet = await fleetFor(t, { prefill: 1, decode: 1, knobs })
    const prefill = only(fleet.prefill)
    const prompt = 'A beginning that many prompts share'
    const usages = await inTurn([1, 2], async room => {
      const legs = [prefill, only(fleet.decode)].map(engine =>
        post(engine.url, '/v1/completions', { prompt: `${prompt} ${room}`, ...joined(prefill, room) }),
      )
      const responses = await Promise.all(legs)
      return responses.map(({ body }) =>
        at(JSON.parse(body), 'usage', 'prompt_tokens_details', 'cached_tokens'),
      )
    })
    assert.deepEqual(usages, [
      [0, 0],
      [8, 8],
    ])
  })

  for (const field of ['extra_key', 'cache_salt', 'lora_path'])
    test(`prompts with another ${field} share no KV cache`, async t => {
      const knobs = { prefixCache: true, pageSize: 4 }
      const { url } = only((await fleetFor(t, { mixed: 1, knobs })).mixed)
      const cached = await inTurn(['a', 'b', 'a', undefined], async value => {
        const { body } = await post(url, '/generate', { ...GENERATE, text: 'x'.repeat(100), [field]: value })
        return at(JSON.parse(body), 'meta_info', 'cached_tokens')
      })
      assert.deepEqual(cached, [0, 0, 24, 0])
      const batch = { ...GENERATE, text: ['x'.repeat(100), 'x'.repeat(100)], [field]: ['b', 'c'] }
      const responses: unknown = JSON.parse((await post(url, '/generate', batch)).body)
      assert.ok(Array.isArray(responses))
      assert.deepEqual(
        responses.map(response => at(response, 'meta_info', 'cached_tokens')),
        [24, 0],
      )
    })

  test('prompts that begin alike and are computed in one step have nothing of each other cached', async t => {
    const knobs = { prefixCache: true, pageSize: 4 }
    const engine = only((await fleetFor(t, { mixed: 1, knobs })).mixed)
    const text = 'A prompt that several clients send at the same time'
    const ask = async (prompt: string): Promise<unknown> => {
      const body = { text: prompt, sampling_params: { max_new_tokens: 2 } }
      return at(JSON.parse((await post(engine.url, '/generate', body)).body), 'meta_info', 'cached_tokens')
    }
    engine.scheduler.pause()
    const other = ask('Something else')
    await until(() => engine.running() === 1, 'a step has begun')
    const together = [text, text].map(prompt => ask(prompt))
    await until(() => engine.running() === 3, 'both prompts wait for the next step')
    engine.scheduler.resume()
    assert.deepEqual(await Promise.all([other, ...together]), [0, 0, 0])
    assert.equal(await ask(text), 12)
  })

  test('a long prompt is cached as far as the steps until now have computed it', async t => {
    const knobs = { prefixCache: true, pageSize: 4, prefillChunk: 16 }
    const engine = only((await fleetFor(t, { mixed: 1, knobs })).mixed)
    const text = 'x'.repeat(4 * 24)
    const body = { text, sampling_params: { max_new_tokens: 2 } }
    engine.scheduler.pause()
    const responses = [post(engine.url, '/generate', body)]
    await until(() => engine.running() === 1, 'the first step has begun')
    responses.push(post(engine.url, '/generate', body))
    await until(() => engine.running() === 2, 'the same prompt waits')
    engine.scheduler.resume()
    const cached = (await Promise.all(responses)).map(response =>
      at(JSON.parse(response.body), 'meta_info', 'cached_tokens'),
    )
    assert.deepEqual(cached, [0, 16])
  })

  test('only a mixed engine rejects requests when its queue is full', async t => {
    const engine = only((await fleetFor(t, { mixed: 1, knobs: { maxRunning: 1, maxQueued: 1 } })).mixed)
    const long = { text: 'x', sampling_params: { max_new_tokens: 100_000 } }
    const legs = ['a', 'b'].map(rid => open(engine.url, '/generate', { ...long, rid }))
    await until(() => engine.running() === 2, 'one runs, one waits')
    const { status, body } = await post(engine.url, '/generate', long)
    assert.deepEqual([status, at(JSON.parse(body), 'message')], [503, 'The request queue is full.'])
    await post(engine.url, '/abort_request', { abort_all: true })
    await Promise.all(legs.map(leg => leg.response))
  })

  test('an aborted prefill request notifies decode if notifyDecodeOnPrefillAbort is set', async t => {
    const knobs = { transferSetupMs: 600_000, notifyDecodeOnPrefillAbort: true }
    const fleet = await fleetFor(t, { prefill: 1, decode: 1, knobs })
    const [prefill, decode] = [only(fleet.prefill), only(fleet.decode)]
    const body = { ...GENERATE, rid: 'r', ...joined(prefill, 3) }
    const legs = [prefill, decode].map(engine => open(engine.url, '/generate', body))
    await until(() => prefill.scheduler.load().inflightQueue === 1, 'the transfer runs')
    await post(prefill.url, '/abort_request', { rid: 'r' })
    const responses = await Promise.all(legs.map(leg => leg.response))
    assert.deepEqual(
      responses.map(({ status }) => status),
      [500, 500],
    )
  })

  test('a failed choice ends a chat stream, and the other choices cannot be aborted by rid', async t => {
    const engine = only((await fleetFor(t, { mixed: 1, knobs: { oomAt: 3 } })).mixed)
    const body = { messages: [{ role: 'user', content: 'x' }], n: 2, stream: true }
    const { events, hasDone } = parseStream((await post(engine.url, '/v1/chat/completions', body)).body)
    assert.ok(hasDone)
    assert.equal(events.filter(event => at(event, 'error') !== undefined).length, 1)
    await until(() => engine.running() === 0, 'the sibling has ended too')
  })
})
