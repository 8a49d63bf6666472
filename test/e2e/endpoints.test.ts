/** Every endpoint but those for tokens, against real threads and simulated engines, and what is refused at the door. */
import assert from 'node:assert/strict'
import { after, suite, test } from 'node:test'
import { expectedText } from '../../bench/simulator/script.ts'
import { type GatewayHouse, openGateway } from '../support/gateway.ts'
import { sendRaw } from '../support/raw-http.ts'
import { until } from '../support/until.ts'

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** `undefined` when the body is no JSON. */
  readonly json: unknown
}

async function ask(origin: string, path: string, init: RequestInit = {}): Promise<Answer> {
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

/** For tests that leave it as it was. */
const PAIRS = await openGateway(
  { after },
  { fleet: { prefill: 2, decode: 2 }, config: { limits: { bodyBytes: 2048 } } },
)
const LOCKED = await openGateway({ after }, { fleet: { prefill: 1, decode: 1, knobs: { apiKey: 'secret' } } })

function engineUrls({ fleet }: GatewayHouse): string[] {
  return [...fleet.prefill, ...fleet.decode].map(engine => engine.url).toSorted()
}

test('endpoints about engines answer for the whole fleet', async t => {
  const { origin, fleet } = PAIRS

  await t.test('/v1/models: each model once', async () => {
    const { status, json } = await ask(origin, '/v1/models')
    assert.equal(status, 200)
    assert.equal(at(json, 'object'), 'list')
    assert.deepEqual(
      list(json, 'data').map(model => at(model, 'id')),
      ['sim'],
    )
  })

  for (const path of ['/get_model_info', '/model_info']) {
    // oxlint-disable-next-line no-await-in-loop -- subtests in order
    await t.test(`${path}: that of an engine`, async () => {
      const { status, json } = await ask(origin, path)
      assert.equal(status, 200)
      assert.equal(at(json, 'model_path'), 'sim')
      assert.equal(at(json, 'is_generation'), true)
    })
  }

  for (const path of ['/get_server_info', '/server_info']) {
    // oxlint-disable-next-line no-await-in-loop -- subtests in order
    await t.test(`${path}: lists of prefill and decode engines`, async () => {
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
    // oxlint-disable-next-line no-await-in-loop -- subtests in order
    await t.test(`${path}: one row an engine`, async () => {
      const { status, json } = await ask(origin, path)
      assert.equal(status, 200)
      const loads = list(json, 'loads')
      assert.deepEqual(loads.map(load => String(at(load, 'engine'))).toSorted(), engineUrls(PAIRS))
      for (const load of loads) assert.equal(at(load, 'num_running_reqs'), 0)
    })
  }

  await t.test('/health_generate: one engine of each role has been asked', async () => {
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
    for (const method of ['GET', 'POST']) {
      // oxlint-disable-next-line no-await-in-loop -- subtests in order
      await t.test(`${method} ${path}: all engines have been told`, async () => {
        const { status, json } = await ask(origin, path, { method })
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
  }

  await t.test('/flush_cache: says which engine would not', async () => {
    const controller = new AbortController()
    const body = JSON.stringify({ text: 'busy', stream: true, sampling_params: { max_new_tokens: 100_000 } })
    const busy = await fetch(`${origin}/generate`, {
      method: 'POST',
      headers: JSON_TYPE,
      body,
      signal: controller.signal,
    })
    // Prefill may still have to notice that its transfer is over.
    await until(() => fleet.prefill.every(engine => engine.running() === 0))
    const { status, json } = await ask(origin, '/flush_cache', { method: 'POST' })
    assert.equal(status, 502)
    assert.equal(at(json, 'success'), false)
    assert.match(String(at(json, 'error', 'message')), /1 of 4 engines failed: .*running or waiting/)
    controller.abort()
    await busy.body?.cancel().catch(() => undefined)
  })

  for (const path of ['/health', '/liveness']) {
    // oxlint-disable-next-line no-await-in-loop -- subtests in order
    await t.test(`${path}: the gateway lives`, async () => {
      assert.equal((await ask(origin, path)).status, 200)
    })
  }

  await t.test('/readiness: counts the engines', async () => {
    await until(async () => at((await ask(origin, '/readiness')).json, 'healthy_workers') === 4)
    const { status, json } = await ask(origin, '/readiness')
    assert.equal(status, 200)
    assert.deepEqual(json, { status: 'ready', healthy_workers: 4, total_workers: 4 })
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
    [404, '/v1/chat/completions/', post('{}'), 'route-not-found'],
    [405, '/v1/chat/completions', {}, 'method-not-allowed'],
    [405, '/v1/models', post('{}'), 'method-not-allowed'],
    [405, '/generate', { method: 'DELETE' }, 'method-not-allowed'],
    [413, '/generate', post(`{"text":"${'x'.repeat(3000)}"}`), 'body-too-large'],
    [415, '/generate', post('{"text":"x"}', { 'content-type': 'text/plain' }), 'unsupported-media-type'],
    [501, '/v1/embeddings', post('{}'), 'not-implemented'],
    [501, '/v1/responses', post('{}'), 'not-implemented'],
  ]
  for (const [status, path, init, code] of refusals) {
    // oxlint-disable-next-line no-await-in-loop -- subtests in order
    await t.test(`${status} for ${init.method ?? 'GET'} ${path}`, async () => {
      const answer = await ask(origin, path, init)
      assert.equal(answer.status, status, answer.text)
      assert.equal(at(answer.json, 'error', 'code'), code)
      assert.equal(at(answer.json, 'error', 'type'), 'invalid_request_error')
      assert.notEqual(at(answer.json, 'error', 'message'), '')
      if (status === 405) assert.match(answer.headers.get('allow') ?? '', /GET|POST/)
    })
  }
})

test('what cannot be written into a request to an engine is refused as the client sent it, without a retry', async t => {
  const { origin, fleet } = PAIRS
  const received = (): number => fleet.prefill.reduce((sum, { counters }) => sum + counters.received, 0)
  const before = received()
  const head = `host: a\r\ncontent-type: application/json\r\ncontent-length: 12\r\n`
  for (const [path, more] of [
    ['/generate', 'authorization: a\x7fb\r\n'],
    ['/generate?a=\xe9', ''],
  ] as const) {
    const request = Buffer.from(`POST ${path} HTTP/1.1\r\n${head}${more}\r\n{"text":"a"}`, 'latin1')
    // oxlint-disable-next-line no-await-in-loop -- a failure names its request
    const answer = await sendRaw(t, origin, request)
    assert.match(answer, /^HTTP\/1.1 400 /)
    assert.match(answer, /"code":"invalid-request"/)
  }
  assert.equal(received(), before)
})

test('an engine that refuses a request is quoted to the client, with its status', async () => {
  const { origin } = LOCKED
  const body = JSON.stringify({ text: 'Once', sampling_params: { max_new_tokens: 4 } })
  const refused = await ask(origin, '/generate', { method: 'POST', headers: JSON_TYPE, body })
  assert.equal(refused.status, 401, refused.text)
  assert.match(refused.text, /Unauthorized/)
  const headers = { ...JSON_TYPE, authorization: 'Bearer secret' }
  const served = await ask(origin, '/generate', { method: 'POST', headers, body })
  assert.equal(at(served.json, 'text'), expectedText('Once', 0, 4))
})

test('what one engine can tell is asked of the next when the first has died', async t => {
  const { origin, fleet } = await openGateway(t, {
    fleet: { prefill: 2, decode: 1 },
    // No probe finds it in time.
    config: { health: { intervalSecs: 600 } },
  })
  await fleet.prefill[0]?.close()
  for (const path of ['/v1/models', '/v1/models/sim', '/model_info']) {
    // oxlint-disable-next-line no-await-in-loop -- one path after the other
    const { status, text } = await ask(origin, path)
    assert.equal(status, 200, text)
  }
})

test("a key that is missing is told by the engine's own status, for pages too", async () => {
  const { origin } = LOCKED
  const refused = await ask(origin, '/v1/models')
  assert.equal(refused.status, 401, refused.text)
  assert.match(refused.text, /Unauthorized/)
  const served = await ask(origin, '/v1/models', { headers: { authorization: 'Bearer secret' } })
  assert.equal(served.status, 200)
})

test('in a fleet of several models the name in the request chooses', async t => {
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
    // oxlint-disable-next-line no-await-in-loop -- the policy would go on to the next engine
    const answer = await ask(origin, '/v1/completions', post(JSON.stringify({ model, prompt: 'Once' })))
    assert.equal(answer.status, 200, answer.text)
    assert.equal(at(answer.json, 'model'), 'large')
  }
  assert.deepEqual(
    [...fleet.prefill, ...fleet.decode].map(engine => engine.counters.received),
    [0, 3, 0, 3],
  )
  const unknown = await ask(origin, '/v1/completions', post('{"model":"other","prompt":"Once"}'))
  assert.equal(unknown.status, 404)
  assert.equal(at(unknown.json, 'error', 'code'), 'model-not-found')
})

suite('regular mode', () => {
  test('serves all endpoints for tokens, and spreads them over the engines', async t => {
    const { origin, fleet } = await openGateway(t, {
      fleet: { unified: 2 },
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
      // oxlint-disable-next-line no-await-in-loop -- in turn, as the policy has it
      const answer = await ask(origin, path, {
        method: 'POST',
        headers: JSON_TYPE,
        body: JSON.stringify(body),
      })
      assert.equal(answer.status, 200, answer.text)
      assert.equal(at(answer.json, ...where), expectedText('Once', 0, 9), path)
    }
    for (const engine of fleet.unified) assert.ok(engine.counters.completed > 0)
  })

  test('tries another engine when one fails', async t => {
    const { origin, fleet } = await openGateway(t, { fleet: { unified: 2 } })
    const [broken] = fleet.unified
    assert.ok(broken)
    broken.knobs.resetBeforeHeadProb = 1
    const body = JSON.stringify({ text: 'Once', sampling_params: { max_new_tokens: 9 } })
    const asked = Array.from({ length: 6 }, () =>
      ask(origin, '/generate', { method: 'POST', headers: JSON_TYPE, body }),
    )
    for (const { json } of await Promise.all(asked))
      assert.equal(at(json, 'text'), expectedText('Once', 0, 9))
    assert.ok(broken.counters.failed > 0)
  })

  test("passes an engine's own account of itself on", async t => {
    const { origin, fleet } = await openGateway(t, { fleet: { unified: 1 } })
    const { status, json } = await ask(origin, '/get_server_info')
    assert.equal(status, 200)
    assert.equal(at(json, 'port'), fleet.unified[0]?.port)
    assert.equal(list(json, 'internal_states').length, 1)
    assert.equal((await ask(origin, '/health_generate')).status, 200)
    assert.equal(list((await ask(origin, '/v1/loads')).json, 'loads').length, 1)
  })
})
