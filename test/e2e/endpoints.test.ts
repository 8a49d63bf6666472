/** Every endpoint that generates no tokens, with real threads and simulated engines, and requests that are refused. */
import assert from 'node:assert/strict'
import { after, suite, test } from 'node:test'
import { expectedText } from '../../src/simulator/sequence/output-script.ts'
import { openGateway, type TestGateway } from '../support/gateway.ts'
import { sendRaw } from '../support/raw-http.ts'
import { until } from '../support/until.ts'

interface ReceivedResponse {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** `undefined` if the body is not JSON. */
  readonly json: unknown
}

async function ask(origin: string, path: string, init: RequestInit = {}): Promise<ReceivedResponse> {
  const response = await fetch(`${origin}${path}`, init)
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.startsWith('application/json') === true
  const json: unknown = isJson ? JSON.parse(text) : undefined
  return { status: response.status, headers: response.headers, text, json }
}

function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (inner, key) => (inner instanceof Object ? Reflect.get(inner, key) : undefined),
    value,
  )
}

function list(value: unknown, ...path: readonly (string | number)[]): unknown[] {
  const found = at(value, ...path)
  assert.ok(Array.isArray(found), `no list at ${path.join('.')}`)
  return found
}

const JSON_TYPE = { 'content-type': 'application/json' }

function post(body: string, headers: Record<string, string> = JSON_TYPE): RequestInit {
  return { method: 'POST', headers, body }
}

/** For tests that leave no trace. */
const PAIRS = await openGateway(
  { after },
  { fleet: { prefill: 2, decode: 2 }, config: { limits: { bodyBytes: 2048 } } },
)
const LOCKED = await openGateway({ after }, { fleet: { prefill: 1, decode: 1, knobs: { apiKey: 'secret' } } })

function engineUrls({ fleet }: TestGateway): string[] {
  return [...fleet.prefill, ...fleet.decode].map(engine => engine.url).toSorted()
}

test('endpoints about engines cover the whole fleet', async t => {
  const { origin, adminOrigin, fleet } = PAIRS

  await t.test('/v1/models lists each model once', async () => {
    const { status, json } = await ask(origin, '/v1/models')
    assert.equal(status, 200)
    assert.equal(at(json, 'object'), 'list')
    assert.deepEqual(
      list(json, 'data').map(model => at(model, 'id')),
      ['sim'],
    )
  })

  for (const path of ['/get_model_info', '/model_info']) {
    await t.test(`${path} returns the info of an engine`, async () => {
      const { status, json } = await ask(origin, path)
      assert.equal(status, 200)
      assert.equal(at(json, 'model_path'), 'sim')
      assert.equal(at(json, 'is_generation'), true)
    })
  }

  for (const path of ['/get_server_info', '/server_info']) {
    await t.test(`${path} lists prefill and decode engines`, async () => {
      const { status, json } = await ask(origin, path)
      assert.equal(status, 200)
      for (const role of ['prefill', 'decode'] as const) {
        const infos = list(json, role)
        assert.deepEqual(
          infos.map(info => at(info, 'disaggregation_mode')),
          [role, role],
        )
        assert.deepEqual(
          infos.map(info => String(at(info, 'port'))).toSorted(),
          fleet[role].map(({ port }) => String(port)).toSorted(),
        )
      }
      assert.equal(list(json, 'internal_states').length, 2)
    })
  }

  for (const path of ['/get_loads', '/v1/loads', '/v1/loads?include=all']) {
    await t.test(`${path} has one row per engine`, async () => {
      const { status, json } = await ask(origin, path)
      assert.equal(status, 200)
      const loads = list(json, 'loads')
      assert.deepEqual(loads.map(load => String(at(load, 'engine'))).toSorted(), engineUrls(PAIRS))
      for (const load of loads) assert.equal(at(load, 'num_running_reqs'), 0)
    })
  }

  await t.test('/health_generate asks one engine of each role', async () => {
    const { status, json } = await ask(origin, '/health_generate')
    assert.equal(status, 200)
    assert.deepEqual(
      list(json, 'results')
        .map(result => String(at(result, 'role')))
        .toSorted(),
      ['decode', 'prefill'],
    )
  })

  for (const path of ['/flush_cache', '/start_profile', '/stop_profile']) {
    await t.test(`${path} reaches all engines`, async () => {
      const { status, json } = await ask(origin, path, { method: 'POST' })
      assert.equal(status, 200)
      assert.equal(at(json, 'success'), true)
      assert.deepEqual(
        list(json, 'results')
          .map(result => String(at(result, 'engine')))
          .toSorted(),
        engineUrls(PAIRS),
      )
    })
  }

  await t.test('/flush_cache names the engine that refused', async () => {
    const controller = new AbortController()
    const body = JSON.stringify({ text: 'busy', stream: true, sampling_params: { max_new_tokens: 100_000 } })
    const busy = await fetch(`${origin}/generate`, {
      method: 'POST',
      headers: JSON_TYPE,
      body,
      signal: controller.signal,
    })
    // Prefill may not have noticed yet that its transfer has ended.
    await until(() => fleet.prefill.every(engine => engine.running() === 0))
    const { status, json } = await ask(origin, '/flush_cache', { method: 'POST' })
    assert.equal(status, 502)
    assert.equal(at(json, 'success'), false)
    assert.match(String(at(json, 'error', 'message')), /1 of 4 engines failed: .*running or waiting/)
    controller.abort()
    await busy.body?.cancel().catch(() => undefined)
  })

  for (const path of ['/health', '/liveness']) {
    await t.test(`${path} shows that the gateway is alive`, async () => {
      assert.equal((await ask(origin, path)).status, 200)
    })
  }

  await t.test('/readiness counts the engines, with the same body on both listeners', async () => {
    await until(async () => at((await ask(origin, '/readiness')).json, 'healthy_workers') === 4)
    const { status, json } = await ask(origin, '/readiness')
    assert.equal(status, 200)
    assert.deepEqual(json, { status: 'ready', healthy_workers: 4, total_workers: 4 })
    assert.deepEqual((await ask(adminOrigin, '/readiness')).json, json)
  })
})

test('/health_generate fails when there is no healthy engine of a role', async t => {
  const { origin } = await openGateway(t, { fleet: { prefill: 0, decode: 1 } })
  const { status, json } = await ask(origin, '/health_generate')
  assert.equal(status, 503)
  assert.match(String(at(json, 'error', 'message')), /No healthy prefill engine/)
})

test('requests that cannot be served are refused with a reason', async t => {
  const { origin } = PAIRS
  const refusals: readonly (readonly [status: number, path: string, init: RequestInit, code: string])[] = [
    [404, '/nothing/here', {}, 'route-not-found'],
    [404, '/', {}, 'route-not-found'],
    [400, '/v1/chat/completions', post('\uFEFF{}'), 'invalid-json'],
    [405, '/v1/chat/completions', {}, 'method-not-allowed'],
    [405, '/v1/models', post('{}'), 'method-not-allowed'],
    [405, '/generate', { method: 'DELETE' }, 'method-not-allowed'],
    [413, '/generate', post(`{"text":"${'x'.repeat(3000)}"}`), 'body-too-large'],
    [415, '/generate', post('{"text":"x"}', { 'content-type': 'text/plain' }), 'unsupported-media-type'],
    [404, '/v1/embeddings', post('{}'), 'endpoint-not-served'],
    [404, '/v1/responses/resp_1', {}, 'endpoint-not-served'],
    [404, '/v1/conversations/conv_1', {}, 'endpoint-not-served'],
  ]
  for (const [status, path, init, code] of refusals) {
    await t.test(`${status} for ${init.method ?? 'GET'} ${path}`, async () => {
      const response = await ask(origin, path, init)
      assert.equal(response.status, status, response.text)
      assert.equal(at(response.json, 'error', 'code'), code)
      assert.equal(at(response.json, 'error', 'type'), 'invalid_request_error')
      assert.notEqual(at(response.json, 'error', 'message'), '')
      if (status === 405) assert.match(response.headers.get('allow') ?? '', /GET|POST/)
    })
  }
})

test('a request that cannot be forwarded to an engine is refused with 400, without a retry', async t => {
  const { origin, fleet } = PAIRS
  const received = (): number => fleet.prefill.reduce((sum, { counters }) => sum + counters.received, 0)
  const before = received()
  const head = `host: a\r\ncontent-type: application/json\r\ncontent-length: 12\r\n`
  for (const [path, more] of [
    ['/generate', 'authorization: a\x7fb\r\n'],
    ['/generate?a=\xe9', ''],
  ] as const) {
    const request = Buffer.from(`POST ${path} HTTP/1.1\r\n${head}${more}\r\n{"text":"a"}`, 'latin1')
    const response = await sendRaw(t, origin, request)
    assert.match(response, /^HTTP\/1.1 400 /)
    assert.match(response, /"code":"invalid-request"/)
  }
  assert.equal(received(), before)
})

test('a refusal by an engine reaches the client with its status and message', async () => {
  const { origin } = LOCKED
  const body = JSON.stringify({ text: 'Once', sampling_params: { max_new_tokens: 4 } })
  const refused = await ask(origin, '/generate', { method: 'POST', headers: JSON_TYPE, body })
  assert.equal(refused.status, 401, refused.text)
  assert.match(refused.text, /Unauthorized/)
  const headers = { ...JSON_TYPE, authorization: 'Bearer secret' }
  const served = await ask(origin, '/generate', { method: 'POST', headers, body })
  assert.equal(at(served.json, 'text'), expectedText('Once', 0, 4))
})

test('a request about one engine goes to the next one when the first has died', async t => {
  const { origin, fleet } = await openGateway(t, {
    fleet: { prefill: 2, decode: 1 },
    // So that no probe detects it in time.
    config: { health: { intervalSecs: 600 } },
  })
  await fleet.prefill[0]?.close()
  for (const path of ['/v1/models', '/v1/models/sim', '/model_info']) {
    const { status, text } = await ask(origin, path)
    assert.equal(status, 200, text)
  }
})

test("a missing API key gets the engine's own status, even for pages", async () => {
  const { origin } = LOCKED
  const refused = await ask(origin, '/v1/models')
  assert.equal(refused.status, 401, refused.text)
  assert.match(refused.text, /Unauthorized/)
  const served = await ask(origin, '/v1/models', { headers: { authorization: 'Bearer secret' } })
  assert.equal(served.status, 200)
})

test('in a fleet with several models, the request names the model', async t => {
  const { origin, fleet } = await openGateway(t, {
    fleet: { prefill: 2, decode: 2, knobsFor: (_, index) => ({ modelId: index === 0 ? 'small' : 'large' }) },
  })
  await until(async () => at((await ask(origin, '/readiness')).json, 'healthy_workers') === 4)
  const { json } = await ask(origin, '/v1/models')
  assert.deepEqual(
    list(json, 'data')
      .map(model => String(at(model, 'id')))
      .toSorted(),
    ['large', 'small'],
  )
  for (const model of ['large', 'large', 'large']) {
    const response = await ask(origin, '/v1/completions', post(JSON.stringify({ model, prompt: 'Once' })))
    assert.equal(response.status, 200, response.text)
    assert.equal(at(response.json, 'model'), 'large')
  }
  assert.deepEqual(
    [...fleet.prefill, ...fleet.decode].map(engine => engine.counters.received),
    [0, 3, 0, 3],
  )
  const unknown = await ask(origin, '/v1/completions', post('{"model":"other","prompt":"Once"}'))
  assert.equal(unknown.status, 404)
  assert.equal(at(unknown.json, 'error', 'code'), 'model-not-found')
})

suite('Mixed mode', () => {
  test('serves all generation endpoints, and spreads requests over the engines', async t => {
    const { origin, fleet } = await openGateway(t, {
      fleet: { mixed: 2 },
      config: { policy: { main: 'round_robin' } },
    })
    await until(async () => at((await ask(origin, '/readiness')).json, 'healthy_workers') === 2)
    const requests: readonly (readonly [path: string, body: object, where: readonly (string | number)[]])[] =
      [
        ['/generate', { text: 'Once', sampling_params: { max_new_tokens: 9 } }, ['text']],
        ['/v1/completions', { model: 'sim', prompt: 'Once', max_tokens: 9 }, ['choices', 0, 'text']],
        [
          '/v1/chat/completions',
          { model: 'sim', messages: [{ role: 'user', content: 'Once' }], max_tokens: 9 },
          ['choices', 0, 'message', 'content'],
        ],
        ['/generate', { text: ['x', 'Once'], sampling_params: { max_new_tokens: 9 } }, [1, 'text']],
        ['/v1/completions', { prompt: 'Once', max_tokens: 9, n: 2 }, ['choices', 1, 'text']],
      ]
    for (const [path, body, where] of requests) {
      const response = await ask(origin, path, {
        method: 'POST',
        headers: JSON_TYPE,
        body: JSON.stringify(body),
      })
      assert.equal(response.status, 200, response.text)
      assert.equal(at(response.json, ...where), expectedText('Once', 0, 9), path)
    }
    for (const engine of fleet.mixed) assert.ok(engine.counters.completed > 0)
  })

  test('tries another engine when one fails', async t => {
    const { origin, fleet } = await openGateway(t, {
      fleet: { mixed: 2 },
      config: { policy: { main: 'round_robin' } },
    })
    const [broken] = fleet.mixed
    assert.ok(broken)
    broken.knobs.resetBeforeHeadProb = 1
    const body = JSON.stringify({ text: 'Once', sampling_params: { max_new_tokens: 9 } })
    const requests = Array.from({ length: 6 }, () =>
      ask(origin, '/generate', { method: 'POST', headers: JSON_TYPE, body }),
    )
    for (const { json } of await Promise.all(requests))
      assert.equal(at(json, 'text'), expectedText('Once', 0, 9))
    assert.ok(broken.counters.failed > 0)
  })

  test("passes on an engine's info about itself", async t => {
    const { origin, fleet } = await openGateway(t, { fleet: { mixed: 1 } })
    const { status, json } = await ask(origin, '/get_server_info')
    assert.equal(status, 200)
    assert.equal(at(json, 'port'), fleet.mixed[0]?.port)
    assert.equal(list(json, 'internal_states').length, 1)
    assert.equal((await ask(origin, '/health_generate')).status, 200)
    assert.equal(list((await ask(origin, '/v1/loads')).json, 'loads').length, 1)
  })
})
