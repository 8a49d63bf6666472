import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { openFleet, openGateway, type TestGateway } from '../../support/gateway.ts'
import { openPublisher } from '../../support/kv-publisher.ts'
import { at } from '../../support/sse.ts'
import { until } from '../../support/until.ts'

const JSON_TYPE = { 'content-type': 'application/json' }

/** Shared by tests that do not change it. */
const PAIR = await openGateway({ after }, { fleet: { prefill: 1, decode: 1 } })

async function enginesOf({ adminOrigin }: TestGateway): Promise<readonly unknown[]> {
  const body: unknown = await (await fetch(`${adminOrigin}/admin/engines`)).json()
  const engines = at(body, 'engines')
  return Array.isArray(engines) ? engines : []
}

function remove({ adminOrigin }: TestGateway, url: string): Promise<Response> {
  return fetch(`${adminOrigin}/admin/engines/${encodeURIComponent(url)}`, { method: 'DELETE' })
}

function generate(origin: string, tokens: number): Promise<Response> {
  return fetch(`${origin}/generate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text: 'Hello', stream: true, sampling_params: { max_new_tokens: tokens } }),
  })
}

test('the list of engines shows role, health and requests in flight', async () => {
  const engines = await enginesOf(PAIR)
  const keys = ['role', 'url', 'health', 'inFlight']
  const shown = engines.map(engine => keys.map(key => String(at(engine, key))).join(' '))
  const expected = [
    `prefill ${PAIR.fleet.prefill[0]?.url} healthy 0`,
    `decode ${PAIR.fleet.decode[0]?.url} healthy 0`,
  ]
  assert.deepEqual(shown.toSorted(), expected.toSorted())
})

test('a removed engine finishes its stream, gets no new requests and leaves the list', async t => {
  const gateway = await openGateway(t, {
    fleet: { prefill: 1, decode: 2, knobs: { itlBaseMs: 1000 } },
    config: { policy: { main: 'round_robin' } },
  })
  const streaming = await generate(gateway.origin, 60)
  const busy = gateway.fleet.decode.find(engine => engine.running() > 0)
  assert.ok(busy)
  const response = await remove(gateway, busy.url)
  assert.equal(response.status, 202)
  await until(async () =>
    (await enginesOf(gateway)).some(
      engine => at(engine, 'url') === busy.url && at(engine, 'health') === 'draining',
    ),
  )
  for (const { knobs } of gateway.fleet.decode) if (knobs !== busy.knobs) knobs.itlBaseMs = 1
  const { received } = busy.counters
  for (let sent = 0; sent < 4; sent++) {
    // Round robin alternates between the engines, so only draining keeps requests off this one.
    assert.match(await (await generate(gateway.origin, 2)).text(), /\[DONE\]/)
  }
  assert.equal(busy.counters.received, received)
  busy.knobs.itlBaseMs = 1
  assert.match(await streaming.text(), /\[DONE\]/)
  await until(async () => !(await enginesOf(gateway)).some(engine => at(engine, 'url') === busy.url))
})

test('an added engine becomes healthy, and cannot be added twice', async t => {
  const gateway = await openGateway(t, { fleet: { prefill: 1, decode: 1 } })
  const fleet = await openFleet(t, { prefill: 0, decode: 1 })
  const [added] = fleet.decode
  assert.ok(added)
  const post = (): Promise<Response> =>
    fetch(`${gateway.adminOrigin}/admin/engines`, {
      method: 'POST',
      headers: JSON_TYPE,
      body: JSON.stringify({ url: added.url, role: 'decode' }),
    })
  assert.equal((await post()).status, 202)
  assert.equal((await post()).status, 400)
  await until(
    async () => (await enginesOf(gateway)).filter(engine => at(engine, 'health') === 'healthy').length === 3,
  )
})

test('the KV events of an added engine are followed where its operator says', async t => {
  const publisher = await openPublisher(t)
  const gateway = await openGateway(t, {
    fleet: { mixed: 1 },
    config: { policy: { kvEvents: { enabled: true } } },
  })
  const [added] = (await openFleet(t, { mixed: 1 })).mixed
  assert.ok(added)
  const response = await fetch(`${gateway.adminOrigin}/admin/engines`, {
    method: 'POST',
    headers: JSON_TYPE,
    body: JSON.stringify({ url: added.url, role: 'mixed', kvEvents: publisher.endpoint }),
  })
  assert.equal(response.status, 202)
  await until(() => publisher.subscribers() === 1, 'the gateway has subscribed')
})

const CASES = [
  ['GET', '/liveness', undefined, 200],
  ['GET', '/health', undefined, 200],
  ['GET', '/readiness', undefined, 200],
  ['GET', '/admin/index', undefined, 200],
  ['GET', '/admin/threads', undefined, 200],
  ['GET', '/nowhere', undefined, 404],
  ['POST', '/metrics', undefined, 405],
  ['POST', '/admin/index', undefined, 405],
  ['POST', '/admin/engines', 'x', 400],
  ['POST', '/admin/engines', '{"url":"ftp://x","role":"decode"}', 400],
  ['POST', '/admin/engines', '{"url":"http://127.0.0.1:1","role":"mixed"}', 400],
  ['POST', '/admin/engines', '{"url":"http://127.0.0.1:1","role":"prefill","kvEvents":"x"}', 400],
  ['POST', '/admin/engines', '{"url":"http://a:1","role":"decode","kvEvents":"tcp://a:1"}', 400],
  ['POST', '/admin/engines', ' '.repeat(70_000), 413],
  ['DELETE', '/admin/engines/http%3A%2F%2F127.0.0.1%3A1', undefined, 404],
  ['DELETE', '/admin/engines/http://127.0.0.1:1', undefined, 404],
  ['DELETE', '/admin/engines/%zz', undefined, 400],
] as const

test('each path of the listener responds with the right status', async t => {
  const { adminOrigin } = PAIR
  for (const [method, path, body, status] of CASES) {
    await t.test(`${method} ${path} with ${body?.slice(0, 50).trim() || 'no body'}: ${status}`, async () => {
      const init = { method, ...(body === undefined ? {} : { body, headers: JSON_TYPE }) }
      const response = await fetch(`${adminOrigin}${path}`, init)
      const text = await response.text()
      assert.equal(response.status, status, text)
      if (status >= 400) assert.equal(typeof at(JSON.parse(text), 'error', 'code'), 'string')
      if (status === 405) assert.equal(response.headers.get('allow'), 'GET')
    })
  }
})
