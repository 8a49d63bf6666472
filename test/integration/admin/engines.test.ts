import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { type GatewayHouse, openFleet, openGateway } from '../../support/gateway.ts'
import { at } from '../../support/sse.ts'
import { until } from '../../support/until.ts'

/** For tests that change nothing. */
const PAIR = await openGateway({ after }, { fleet: { prefill: 1, decode: 1 } })

async function enginesOf({ adminOrigin }: GatewayHouse): Promise<readonly unknown[]> {
  const body: unknown = await (await fetch(`${adminOrigin}/admin/engines`)).json()
  const engines = at(body, 'engines')
  return Array.isArray(engines) ? engines : []
}

function remove({ adminOrigin }: GatewayHouse, url: string): Promise<Response> {
  return fetch(`${adminOrigin}/admin/engines/${encodeURIComponent(url)}`, { method: 'DELETE' })
}

function generate(origin: string, tokens: number): Promise<Response> {
  return fetch(`${origin}/generate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text: 'Hello', stream: true, sampling_params: { max_new_tokens: tokens } }),
  })
}

test('engines are shown with role, health and what is in flight', async () => {
  const engines = await enginesOf(PAIR)
  const keys = ['role', 'url', 'health', 'inFlight']
  const shown = engines.map(engine => keys.map(key => String(at(engine, key))).join(' '))
  const expected = [
    `prefill ${PAIR.fleet.prefill[0]?.url} healthy 0`,
    `decode ${PAIR.fleet.decode[0]?.url} healthy 0`,
  ]
  assert.deepEqual(shown.toSorted(), expected.toSorted())
})

test('an engine that is removed finishes its stream, takes nothing new and goes', async t => {
  const house = await openGateway(t, {
    fleet: { prefill: 1, decode: 2, knobs: { itlBaseMs: 1000 } },
    config: { policy: { main: 'round_robin' } },
  })
  const streaming = await generate(house.origin, 60)
  const busy = house.fleet.decode.find(engine => engine.running() > 0)
  assert.ok(busy)
  const answer = await remove(house, busy.url)
  assert.equal(answer.status, 202)
  await until(async () =>
    (await enginesOf(house)).some(
      engine => at(engine, 'url') === busy.url && at(engine, 'health') === 'draining',
    ),
  )
  for (const { knobs } of house.fleet.decode) if (knobs !== busy.knobs) knobs.itlBaseMs = 1
  const { received } = busy.counters
  for (let sent = 0; sent < 4; sent++) {
    // oxlint-disable-next-line no-await-in-loop -- engines take turns, so only draining keeps them off this one
    assert.match(await (await generate(house.origin, 2)).text(), /\[DONE\]/)
  }
  assert.equal(busy.counters.received, received)
  busy.knobs.itlBaseMs = 1
  assert.match(await streaming.text(), /\[DONE\]/)
  await until(async () => !(await enginesOf(house)).some(engine => at(engine, 'url') === busy.url))
})

test('an engine that is added takes requests', async t => {
  const house = await openGateway(t, { fleet: { prefill: 1, decode: 1 } })
  const more = await openFleet(t, { prefill: 0, decode: 1 })
  const [added] = more.decode
  assert.ok(added)
  const post = (): Promise<Response> =>
    fetch(`${house.adminOrigin}/admin/engines`, {
      method: 'POST',
      body: JSON.stringify({ url: added.url, role: 'decode' }),
    })
  assert.equal((await post()).status, 202)
  assert.equal((await post()).status, 400)
  await until(
    async () => (await enginesOf(house)).filter(engine => at(engine, 'health') === 'healthy').length === 3,
  )
})

const CASES = [
  ['GET', '/liveness', undefined, 200],
  ['GET', '/health', undefined, 200],
  ['GET', '/readiness', undefined, 200],
  ['GET', '/nowhere', undefined, 404],
  ['POST', '/metrics', undefined, 405],
  ['POST', '/admin/engines', 'x', 400],
  ['POST', '/admin/engines', '{"url":"ftp://x","role":"decode"}', 400],
  ['POST', '/admin/engines', '{"url":"http://127.0.0.1:1","role":"mixed"}', 400],
  ['POST', '/admin/engines', ' '.repeat(70_000), 413],
  ['DELETE', '/admin/engines/http%3A%2F%2F127.0.0.1%3A1', undefined, 404],
  ['DELETE', '/admin/engines/http://127.0.0.1:1', undefined, 404],
  ['DELETE', '/admin/engines/%zz', undefined, 400],
] as const

test('the paths of the listener are answered with the status that they deserve', async t => {
  const { adminOrigin } = PAIR
  for (const [method, path, body, status] of CASES) {
    // oxlint-disable-next-line no-await-in-loop -- one gateway serves them all, one after the other
    await t.test(`${method} ${path} with ${body?.slice(0, 50).trim() || 'nothing'}: ${status}`, async () => {
      const init = { method, ...(body === undefined ? {} : { body }) }
      const response = await fetch(`${adminOrigin}${path}`, init)
      const text = await response.text()
      assert.equal(response.status, status, text)
      if (status >= 400) assert.equal(typeof at(JSON.parse(text), 'error', 'code'), 'string')
      if (status === 405) assert.equal(response.headers.get('allow'), 'GET')
    })
  }
})
