/** The front end as a client sees it: routes, methods, status codes, headers. */
import assert from 'node:assert/strict'
import { request } from 'node:http'
import { suite, test } from 'node:test'
import type { Readiness } from '../../../src/core/readiness.ts'
import { openFrontend } from '../../support/frontend.ts'
import { until } from '../../support/until.ts'

test('passes a request to a router thread and its response back', async t => {
  const { origin } = await openFrontend(t)
  const body = JSON.stringify({ text: 'ünï' })
  const response = await fetch(`${origin}/generate?a=1`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: 'Bearer k',
      'x-secret': 'no',
      traceparent: 'tp',
    },
    body,
  })
  assert.equal(response.status, 200)
  assert.equal(response.headers.get('x-engine'), 'echo')
  assert.equal(response.headers.get('content-type'), 'application/json')
  const echo: unknown = await response.json()
  assert.partialDeepStrictEqual(echo, { endpoint: 'generate', method: 'POST', query: 'a=1', body })
  const headers = JSON.stringify(echo)
  assert.match(headers, /"authorization","Bearer k"/)
  assert.match(headers, /"traceparent","tp"/)
  assert.doesNotMatch(headers, /x-secret/)
})

test('a request without a query has an empty one', async t => {
  const { origin } = await openFrontend(t)
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${origin}/generate`, { method: 'POST', headers, body: '{}' })
  assert.partialDeepStrictEqual(await response.json(), { query: '' })
})

const EXCHANGES = [
  ['PUT', '/generate', 'generate'],
  ['POST', '/v1/chat/completions', 'chat'],
  ['POST', '/v1/completions', 'completions'],
  ['POST', '/v1/responses', 'responses'],
  ['POST', '/v1/messages', 'messages'],
  ['POST', '/v1/messages/count_tokens', 'count-tokens'],
  ['POST', '/invocations', 'chat'],
  ['GET', '/v1/models', 'models'],
  ['GET', '/v1/models/org%2Fmodel', 'model'],
  ['GET', '/v1/models/org/model', 'model'],
  ['GET', '/model_info', 'model-info'],
  ['GET', '/get_server_info', 'server-info'],
  ['GET', '/v1/loads', 'loads'],
  ['GET', '/health_generate', 'health-generate'],
  ['POST', '/flush_cache', 'flush-cache'],
  ['POST', '/abort_request', 'abort-request'],
  ['POST', '/start_profile', 'start-profile'],
  ['POST', '/stop_profile', 'stop-profile'],
] as const

test('opens an exchange for every endpoint that engines serve', async t => {
  const { origin } = await openFrontend(t)
  const ask = async ([method, path, endpoint]: (typeof EXCHANGES)[number]): Promise<void> => {
    const response = await fetch(origin + path, { method })
    assert.partialDeepStrictEqual(await response.json(), { endpoint }, path)
  }
  await Promise.all(EXCHANGES.map(ask))
})

const REFUSALS = [
  { method: 'GET', path: '/nothing', status: 404, code: 'route-not-found' },
  { method: 'OPTIONS', path: '/nothing', status: 404, code: 'route-not-found' },
  { method: 'GET', path: '/generate', status: 405, code: 'method-not-allowed' },
  { method: 'DELETE', path: '/v1/models', status: 405, code: 'method-not-allowed' },
  { method: 'DELETE', path: '/v1/models/sim', status: 405, code: 'method-not-allowed' },
  { method: 'GET', path: '/v1/models/%zz', status: 404, code: 'route-not-found' },
  { method: 'GET', path: '/flush_cache', status: 405, code: 'method-not-allowed' },
  { method: 'GET', path: '/abort_request', status: 405, code: 'method-not-allowed' },
  { method: 'GET', path: '/start_profile', status: 405, code: 'method-not-allowed' },
  { method: 'GET', path: '/stop_profile', status: 405, code: 'method-not-allowed' },
  { method: 'POST', path: '/health', status: 405, code: 'method-not-allowed' },
  { method: 'POST', path: '/v1/embeddings', status: 404, code: 'endpoint-not-served' },
  { method: 'GET', path: '/v1/responses/abc', status: 404, code: 'endpoint-not-served' },
  { method: 'POST', path: '/v1/responses/abc/cancel', status: 404, code: 'endpoint-not-served' },
  { method: 'GET', path: '/v1/responses', status: 405, code: 'method-not-allowed' },
  { method: 'GET', path: '/v1/messages', status: 405, code: 'method-not-allowed' },
  { method: 'POST', path: '/v1/messages/batches', status: 404, code: 'endpoint-not-served' },
  { method: 'GET', path: '/v1/conversations/abc', status: 404, code: 'endpoint-not-served' },
  { method: 'POST', path: '/update_weights_from_disk', status: 404, code: 'endpoint-not-served' },
]

test('refuses what it does not serve with an OpenAI error', async t => {
  const { origin } = await openFrontend(t)
  const ask = async ({ method, path, status, code }: (typeof REFUSALS)[number]): Promise<void> => {
    const response = await fetch(origin + path, { method })
    assert.equal(response.status, status, path)
    assert.equal(response.headers.get('content-type'), 'application/json')
    assert.ok(response.headers.get('x-request-id'))
    assert.partialDeepStrictEqual(await response.json(), { error: { code } })
  }
  await Promise.all(REFUSALS.map(ask))
})

test('serves HEAD where it serves GET, without a body', async t => {
  const { origin } = await openFrontend(t)
  for (const path of ['/v1/models', '/v1/models/a', '/model_info', '/v1/loads']) {
    const get = await fetch(origin + path)
    await get.arrayBuffer()
    const head = await fetch(origin + path, { method: 'HEAD' })
    assert.equal(head.status, 200)
    assert.equal(await head.text(), '')
    assert.equal(head.headers.get('content-type'), get.headers.get('content-type'))
    assert.ok(Number(head.headers.get('content-length')) > 0, path)
  }
})

test('redirects a path with a slash too many, as engines do', async t => {
  const { origin } = await openFrontend(t)
  const body = JSON.stringify({ text: 'a' })
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body }
  const redirect = await fetch(`${origin}/generate/?a=1`, { ...init, redirect: 'manual' })
  assert.equal(redirect.status, 307)
  assert.equal(redirect.headers.get('location'), '/generate?a=1')
  const followed = await fetch(`${origin}/generate/?a=1`, init)
  assert.partialDeepStrictEqual(await followed.json(), { query: 'a=1', body })
  assert.equal((await fetch(`${origin}/v1/models/`)).status, 200)
  assert.equal(await (await fetch(`${origin}/health/`)).text(), 'OK')
  assert.equal((await fetch(`${origin}/nothing/`)).status, 404)
  assert.equal((await fetch(`${origin}/`)).status, 404)
})

test('names the methods that a path accepts', async t => {
  const { origin } = await openFrontend(t)
  const refused = await fetch(`${origin}/generate`)
  assert.equal(refused.headers.get('allow'), 'POST, PUT, OPTIONS')
  const options = await fetch(`${origin}/generate`, { method: 'OPTIONS' })
  assert.equal(options.status, 204)
  assert.equal(options.headers.get('allow'), 'POST, PUT, OPTIONS')
})

const NOT_READY: Readiness = {
  isReady: false,
  healthyEngines: 1,
  totalEngines: 4,
  reason: 'no decode engine',
}

for (const path of ['/health', '/liveness']) {
  test(`serves ${path} itself, even when it is not ready`, async t => {
    const { origin } = await openFrontend(t, { readiness: () => NOT_READY })
    const response = await fetch(origin + path)
    assert.equal(await response.text(), 'OK')
    const head = await fetch(origin + path, { method: 'HEAD' })
    assert.equal(head.status, 200)
    assert.equal(await head.text(), '')
  })
}

test('reports whether it is ready, and why not', async t => {
  let readiness = NOT_READY
  const { origin } = await openFrontend(t, { readiness: () => readiness })
  const refused = await fetch(`${origin}/readiness`)
  assert.equal(refused.status, 503)
  assert.partialDeepStrictEqual(await refused.json(), { status: 'not ready', reason: 'no decode engine' })
  readiness = { isReady: true, healthyEngines: 4, totalEngines: 4 }
  const ready = await fetch(`${origin}/readiness`)
  assert.equal(ready.status, 200)
  assert.deepEqual(await ready.json(), { status: 'ready', healthy_workers: 4, total_workers: 4 })
})

test('responds to HEAD without a body, even with an error, and keeps the connection usable', async t => {
  const { origin } = await openFrontend(t)
  const refused = await fetch(`${origin}/generate`, { method: 'HEAD' })
  assert.equal(refused.status, 405)
  assert.equal(await refused.text(), '')
  const next = await fetch(`${origin}/health`)
  assert.equal(await next.text(), 'OK')
})

test('keeps the request id of the client, and creates one if there is none', async t => {
  const { origin } = await openFrontend(t)
  const own = await fetch(`${origin}/v1/models`, { headers: { 'x-request-id': 'mine-1' } })
  assert.equal(own.headers.get('x-request-id'), 'mine-1')
  assert.match(await own.text(), /"x-request-id","mine-1"/)
  const made = await fetch(`${origin}/v1/models`)
  assert.match(made.headers.get('x-request-id') ?? '', /^[\da-f-]{36}$/)
})

test('takes the request id from the usual headers, the most common one first', async t => {
  const { origin } = await openFrontend(t)
  const idOf = async (headers: Readonly<Record<string, string>>): Promise<string | null> =>
    (await fetch(`${origin}/v1/models`, { headers })).headers.get('x-request-id')
  for (const name of ['x-request-id', 'X-Correlation-ID', 'x-trace-id', 'Request-Id'])
    assert.equal(await idOf({ [name]: 'mine' }), 'mine', name)
  assert.equal(await idOf({ 'request-id': 'b', 'x-request-id': 'a' }), 'a')
  assert.equal(await idOf({ 'x-request-id': 'not usable', 'x-trace-id': 'c' }), 'c')
  assert.notEqual(await idOf({ 'x-other-id': 'd' }), 'd')
})

test('refuses a content type that is not JSON, for generation and for changes', async t => {
  const { origin } = await openFrontend(t)
  const post = (path: string, type: string): Promise<Response> =>
    fetch(origin + path, { method: 'POST', headers: { 'content-type': type }, body: '{}' })
  assert.equal((await post('/generate', 'text/plain')).status, 415)
  assert.equal((await post('/generate', 'application/json; charset=utf-8')).status, 200)
  assert.equal((await post('/flush_cache', 'text/plain')).status, 415)
  assert.equal((await post('/flush_cache', 'application/json')).status, 200)
})

suite('A content encoding', () => {
  for (const [encoding, path, status] of [
    ['gzip', '/generate', 415],
    ['br', '/v1/chat/completions', 415],
    ['identity, gzip', '/generate', 415],
    ['identity-gzip', '/generate', 415],
    ['deflate', '/abort_request', 415],
    ['identity', '/generate', 200],
    ['Identity', '/flush_cache', 200],
    ['', '/generate', 200],
  ] as const)
    test(`of "${encoding}" at ${path} gets ${status}`, async t => {
      const { origin } = await openFrontend(t)
      const headers = { 'content-type': 'application/json', 'content-encoding': encoding }
      const response = await fetch(origin + path, { method: 'POST', headers, body: '{}' })
      const text = await response.text()
      assert.equal(response.status, status, text)
      if (status === 415) assert.ok(text.includes(`Unsupported Content-Encoding ${encoding}:`), text)
    })

  test('does not matter for a request without a body', async t => {
    const { origin } = await openFrontend(t)
    const response = await fetch(`${origin}/v1/models`, { headers: { 'content-encoding': 'gzip' } })
    assert.equal(response.status, 200)
  })
})

test('refuses requests beyond the limit of open ones with 503', async t => {
  const { origin, frontend } = await openFrontend(t, { config: { limits: { openExchanges: 1 } } })
  const hanging = request(`${origin}/generate?silent`, { method: 'POST' })
  hanging.on('error', () => {})
  hanging.end()
  await until(() => frontend.openRequests > 0)
  const refused = await fetch(`${origin}/v1/models`)
  assert.equal(refused.status, 503)
  assert.equal(refused.headers.get('retry-after'), '1')
  hanging.destroy()
  await until(() => frontend.openRequests === 0)
  assert.equal((await fetch(`${origin}/v1/models`)).status, 200)
})

test('forwards no query if there is none', async t => {
  const { origin } = await openFrontend(t)
  const response = await fetch(`${origin}/generate`, { method: 'POST' })
  assert.partialDeepStrictEqual(await response.json(), { query: '' })
})
