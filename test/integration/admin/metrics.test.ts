/** What /metrics says is what happened: held against the engines' own counters and the answers that clients got. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { FaultReplay } from '../../../bench/faults/replay.ts'
import { parseFaultScript } from '../../../bench/faults/script.ts'
import { openGateway } from '../../support/gateway.ts'
import { until } from '../../support/until.ts'

const REQUESTS = 120
const AT_ONCE = 8

/** For tests that count what no other test does. */
const PAIR = await openGateway({ after }, { fleet: { prefill: 1, decode: 1 } })

type Samples = ReadonlyMap<string, number>

async function samplesOf(adminOrigin: string): Promise<Samples> {
  const response = await fetch(`${adminOrigin}/metrics`)
  assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
  const lines = (await response.text()).split('\n').filter(line => line !== '' && !line.startsWith('#'))
  return new Map(lines.map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]))
}

function sumOf(samples: Samples, start: string): number {
  return [...samples].filter(([name]) => name.startsWith(start)).reduce((sum, [, value]) => sum + value, 0)
}

async function ask(origin: string, stream: boolean): Promise<number> {
  const response = await fetch(`${origin}/generate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text: 'Hello', stream, sampling_params: { max_new_tokens: 3 } }),
  })
  await response.arrayBuffer()
  return response.status
}

async function askMany(origin: string): Promise<number[]> {
  const statuses: number[] = []
  let next = 0
  const client = async (): Promise<void> => {
    // oxlint-disable-next-line no-await-in-loop -- a client sends one request after the other
    while (next < REQUESTS) statuses.push(await ask(origin, next++ % 2 === 0))
  }
  await Promise.all(Array.from({ length: AT_ONCE }, client))
  return statuses
}

/** Decode engines fail in turn, before the head and in the first event: only one leg of an attempt fails. */
const SCRIPT = `
description: Waves of trouble at the decode engines, one after the other, over a steady share of refusals.
events:
  - { do: set, engines: decode/*, knobs: { errorStatusProb: 0.2 } }
  - do: set
    engines: decode/*
    inTurn: true
    everySecs: 0.1
    forSecs: 0.08
    jitterSecs: 0.05
    knobs: { errorStatusProb: 0.3, errorInStreamProb: 0.3 }
`

for (const seed of [1, 2, 3]) {
  test(`sums agree with engines and clients while a fault script plays (seed ${seed})`, async t => {
    const { origin, adminOrigin, fleet } = await openGateway(t, {
      fleet: { prefill: 2, decode: 2, knobs: { seed } },
      config: { retry: { maxRetries: 2, initialBackoffMs: 1, maxBackoffMs: 5 }, server: { workers: 2 } },
    })
    const replay = new FaultReplay({ ...parseFaultScript(SCRIPT, 'waves'), seed }, fleet)
    t.after(() => replay.stop())
    const statuses = await askMany(origin)
    await until(async () => sumOf(await samplesOf(adminOrigin), 'pdgw_engine_in_flight') === 0)
    const samples = await samplesOf(adminOrigin)
    let allUnsent = 0
    const good = statuses.filter(status => status === 200).length

    assert.equal(samples.get('pdgw_router_requests_total{endpoint="generate",outcome="ok"}'), good)
    const lost = samples.get('pdgw_router_requests_total{endpoint="generate",outcome="engine-error"}')
    assert.equal(lost, REQUESTS - good)
    assert.equal(samples.get('pdgw_router_request_duration_seconds_count'), REQUESTS)
    for (const { url, counters } of [...fleet.prefill, ...fleet.decode]) {
      const started = sumOf(samples, `pdgw_engine_attempts_total{engine="${url}"`)
      const unsent = sumOf(samples, `pdgw_engine_unsent_legs_total{engine="${url}"`)
      // oxlint-disable-next-line no-await-in-loop -- a leg that was taken back may still have to be read
      await until(() => counters.received >= started - unsent, `${url} reads what was sent`)
      assert.equal(counters.received, started - unsent)
      allUnsent += unsent
    }
    t.diagnostic(`${allUnsent} legs were taken back before they were sent`)
    const failed = fleet.decode.reduce((sum, { counters }) => sum + counters.failed, 0)
    assert.ok(failed > 0)
    assert.equal(sumOf(samples, 'pdgw_engine_failures_total'), failed)
    assert.equal(sumOf(samples, 'pdgw_router_attempt_failures_total'), failed)
    assert.equal(sumOf(samples, 'pdgw_router_retries_total'), failed - (REQUESTS - good))
    assert.equal(sumOf(samples, 'pdgw_router_attempts_total'), REQUESTS + failed - (REQUESTS - good))
  })
}

/** Without and with a slash at the end. */
function bothOrders(name: string): string[] {
  return [`${name}/reset-breaker`, `${name}/reset-breaker/`]
}

test('breakers, links and heartbeats are shown, and a breaker is closed on demand', async () => {
  const { adminOrigin, fleet } = PAIR
  const samples = await samplesOf(adminOrigin)
  assert.equal(sumOf(samples, 'pdgw_engine_breaker_state{'), 0)
  assert.equal(samples.get('pdgw_router_links_open'), 0)
  const view = await (await fetch(`${adminOrigin}/admin/engines`)).text()
  assert.equal(view.match(/"breaker":"closed"/g)?.length, 2)
  const url = fleet.decode[0]?.url ?? ''
  for (const order of [encodeURIComponent(url), url, `${url}/`].flatMap(bothOrders)) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const reset = await fetch(`${adminOrigin}/admin/engines/${order}`, { method: 'POST' })
    // oxlint-disable-next-line no-await-in-loop -- the same
    assert.deepEqual([reset.status, await reset.json()], [200, { url, breaker: 'closed' }])
  }
  const unknown = await fetch(`${adminOrigin}/admin/engines/http%3A%2F%2Fx/reset-breaker`, { method: 'POST' })
  assert.equal(unknown.status, 404)
})

test('a router thread is replaced on demand, and beats again', async () => {
  const { origin, adminOrigin } = PAIR
  const none = await fetch(`${adminOrigin}/admin/threads/7/restart`, { method: 'POST' })
  assert.equal(none.status, 400)
  const done = await fetch(`${adminOrigin}/admin/threads/0/restart`, { method: 'POST' })
  assert.equal(done.status, 202)
  await until(async () => {
    const samples = await samplesOf(adminOrigin)
    return samples.get('pdgw_thread_restarts_total{thread="router"}') === 1
  })
  assert.equal(await ask(origin, false), 200)
})

test('who waits is counted while it waits, and for how long it has', async t => {
  const { origin, adminOrigin } = await openGateway(t, {
    fleet: { prefill: 1, decode: 1 },
    config: { admission: { maxConcurrentRequests: 1 } },
  })
  const leaving = new AbortController()
  const held = await fetch(`${origin}/generate`, {
    method: 'POST',
    signal: leaving.signal,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text: 'Hello', stream: true, sampling_params: { max_new_tokens: 100_000 } }),
  })
  // Read on: a response that nobody reads is cancelled when it is collected.
  void held.arrayBuffer().catch(() => undefined)
  const asked = [ask(origin, false), ask(origin, false)]
  const waiting = async (): Promise<unknown> =>
    (await samplesOf(adminOrigin)).get('pdgw_frontend_queue_length')
  await until(async () => (await waiting()) === 2)
  const sinceMs = performance.now()
  assert.equal(await waiting(), 2)
  const bothSecs = (2 * (performance.now() - sinceMs)) / 1000
  leaving.abort()
  assert.deepEqual(await Promise.all(asked), [200, 200])
  const samples = await samplesOf(adminOrigin)
  assert.equal(samples.get('pdgw_frontend_queue_length'), 0)
  assert.equal(samples.get('pdgw_frontend_queue_wait_seconds_count'), 2)
  assert.ok((samples.get('pdgw_frontend_queue_wait_seconds_sum') ?? 0) >= bothSecs)
  await until(async () => ((await samplesOf(adminOrigin)).get('pdgw_router_upstream_sockets') ?? 0) >= 2)
})

test('refusals of the front end are counted by their reason', async () => {
  const { origin, adminOrigin } = PAIR
  for (const path of ['/nowhere', '/nowhere', '/rerank']) {
    // oxlint-disable-next-line no-await-in-loop -- order does not matter, one connection is enough
    await (await fetch(`${origin}${path}`)).arrayBuffer()
  }
  const samples = await samplesOf(adminOrigin)
  assert.equal(samples.get('pdgw_frontend_refused_total{reason="route-not-found"}'), 2)
  assert.equal(samples.get('pdgw_frontend_refused_total{reason="not-implemented"}'), 1)
})
