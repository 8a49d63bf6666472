/** Compares /metrics with the counters of the engines and the responses that clients received. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { parseFaultScript } from '../../../src/simulator/faults/fault-script.ts'
import { FaultReplay } from '../../../src/simulator/faults/replay.ts'
import { openGateway } from '../../support/gateway.ts'
import { until } from '../../support/until.ts'

const REQUESTS = 120
const AT_ONCE = 8

/** Shared by tests whose counts no other test affects. */
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

async function ask(origin: string, stream: boolean, tokens = 3): Promise<number> {
  const response = await fetch(`${origin}/generate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text: 'Hello', stream, sampling_params: { max_new_tokens: tokens } }),
  })
  await response.arrayBuffer()
  return response.status
}

/**
 * Sends the head of a streamed request. Resolves once the gateway has received it, with a function that sends the body
 * and resolves with the end of the response.
 */
function openUpload(t: TestContext, origin: string): Promise<() => Promise<void>> {
  const body = JSON.stringify({ text: 'Hello', stream: true, sampling_params: { max_new_tokens: 3 } })
  const head = `host: a\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`
  const socket = connect(Number(new URL(origin).port), '127.0.0.1')
  t.after(() => socket.destroy())
  const received = Promise.withResolvers<() => Promise<void>>()
  const ended = Promise.withResolvers<void>()
  let text = ''
  socket.setEncoding('utf8').on('data', piece => {
    text += String(piece)
    // The gateway reads both heads at once, so the response to the first shows that it has received the second.
    if (text.includes('OK')) received.resolve(sendBody)
    if (text.endsWith('0\r\n\r\n')) ended.resolve()
  })
  socket.on('close', () => ended.reject(new Error(`the connection closed after: ${text}`)))
  const sendBody = (): Promise<void> => {
    socket.write(body)
    return ended.promise
  }
  socket.write(`GET /liveness HTTP/1.1\r\nhost: a\r\n\r\nPOST /generate HTTP/1.1\r\n${head}`)
  return received.promise
}

async function askMany(origin: string): Promise<number[]> {
  const statuses: number[] = []
  let next = 0
  const client = async (): Promise<void> => {
    while (next < REQUESTS) statuses.push(await ask(origin, next++ % 2 === 0))
  }
  await Promise.all(Array.from({ length: AT_ONCE }, client))
  return statuses
}

/** Decode engines fail in turn, before the response head or in the first event, so that one leg of an attempt fails. */
const SCRIPT = `
description: Waves of failures on one decode engine after another, on top of a constant share of error statuses.
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
  test(`sums match engines and clients while a fault script runs (seed ${seed})`, async t => {
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
    const succeeded = statuses.filter(status => status === 200).length

    assert.equal(samples.get('pdgw_router_requests_total{endpoint="generate",outcome="ok"}'), succeeded)
    const lost = samples.get('pdgw_router_requests_total{endpoint="generate",outcome="engine-error"}')
    assert.equal(lost, REQUESTS - succeeded)
    assert.equal(samples.get('pdgw_router_request_duration_seconds_count'), REQUESTS)
    for (const { url, counters } of [...fleet.prefill, ...fleet.decode]) {
      const started = sumOf(samples, `pdgw_engine_attempts_total{engine="${url}"`)
      const unsent = sumOf(samples, `pdgw_engine_unsent_legs_total{engine="${url}"`)
      await until(() => counters.received >= started - unsent, `${url} has received what was sent`)
      assert.equal(counters.received, started - unsent)
      allUnsent += unsent
    }
    t.diagnostic(`${allUnsent} legs were aborted before they were sent`)
    const failed = fleet.decode.reduce((sum, { counters }) => sum + counters.failed, 0)
    assert.ok(failed > 0)
    assert.equal(sumOf(samples, 'pdgw_engine_failures_total'), failed)
    assert.equal(sumOf(samples, 'pdgw_router_attempt_failures_total'), failed)
    assert.equal(sumOf(samples, 'pdgw_router_retries_total'), failed - (REQUESTS - succeeded))
    assert.equal(sumOf(samples, 'pdgw_router_attempts_total'), REQUESTS + failed - (REQUESTS - succeeded))
  })
}

/** The path to reset a breaker, without and with a trailing slash. */
function resetPaths(name: string): string[] {
  return [`${name}/reset-breaker`, `${name}/reset-breaker/`]
}

test('breakers, pairs and heartbeats are exposed, and an operator can close a breaker', async () => {
  const { adminOrigin, fleet } = PAIR
  const samples = await samplesOf(adminOrigin)
  assert.equal(sumOf(samples, 'pdgw_engine_breaker_state{'), 0)
  assert.equal(samples.get('pdgw_router_pairs_avoided'), 0)
  const view = await (await fetch(`${adminOrigin}/admin/engines`)).text()
  assert.equal(view.match(/"breaker":"closed"/g)?.length, 2)
  const url = fleet.decode[0]?.url ?? ''
  for (const path of [encodeURIComponent(url), url, `${url}/`].flatMap(resetPaths)) {
    const reset = await fetch(`${adminOrigin}/admin/engines/${path}`, { method: 'POST' })
    assert.deepEqual([reset.status, await reset.json()], [200, { url, breaker: 'closed' }])
  }
  const unknown = await fetch(`${adminOrigin}/admin/engines/http%3A%2F%2Fx/reset-breaker`, { method: 'POST' })
  assert.equal(unknown.status, 404)
})

test('an operator can restart a router thread, which then serves again', async () => {
  const { origin, adminOrigin } = PAIR
  const rejected = await fetch(`${adminOrigin}/admin/threads/7/restart`, { method: 'POST' })
  assert.equal(rejected.status, 400)
  const accepted = await fetch(`${adminOrigin}/admin/threads/0/restart`, { method: 'POST' })
  assert.equal(accepted.status, 202)
  await until(async () => {
    const samples = await samplesOf(adminOrigin)
    return samples.get('pdgw_thread_restarts_total{thread="router"}') === 1
  })
  assert.equal(await ask(origin, false), 200)
})

test('a restart by an operator is logged at info, not as a problem', async t => {
  const dir = mkdtempSync(join(tmpdir(), 'restart-log-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const { adminOrigin } = await openGateway(t, {
    fleet: { prefill: 1, decode: 1 },
    config: { log: { dir } },
  })
  await fetch(`${adminOrigin}/admin/threads/0/restart`, { method: 'POST' })
  const log = () => readFileSync(join(dir, 'pd-gateway.log'), 'utf8')
  await until(() => log().includes('router thread ended'))
  assert.match(log(), /INFO .*router thread ended on request, starting a new one thread=0$/m)
  assert.doesNotMatch(log(), / (?:WARN|ERROR) .*router thread/)
})

test('queued requests are counted while they wait, and their waiting time is observed', async t => {
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
  // An unread response would be cancelled when it is garbage collected.
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

test('rejections by the front end are counted by error code', async () => {
  const { origin, adminOrigin } = PAIR
  for (const path of ['/nowhere', '/nowhere', '/rerank']) {
    await (await fetch(`${origin}${path}`)).arrayBuffer()
  }
  const samples = await samplesOf(adminOrigin)
  assert.equal(samples.get('pdgw_frontend_refused_total{reason="route-not-found"}'), 2)
  assert.equal(samples.get('pdgw_frontend_refused_total{reason="endpoint-not-served"}'), 1)
})

test('in flight counts the prompts of a batch, not its legs', async t => {
  const { origin, adminOrigin, fleet } = await openGateway(t, {
    fleet: { prefill: 1, decode: 1, knobs: { itlBaseMs: 30 } },
  })
  const url = fleet.decode[0]?.url ?? ''
  const inFlight = async (): Promise<number | undefined> =>
    (await samplesOf(adminOrigin)).get(`pdgw_engine_in_flight{engine="${url}",role="decode"}`)
  const text = ['one', 'two', 'three']
  const response = fetch(`${origin}/generate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text, sampling_params: { max_new_tokens: 40 } }),
  })
  await until(async () => (await inFlight()) === text.length, 'one request in flight per prompt')
  assert.equal((await response).status, 200)
  await until(async () => (await inFlight()) === 0, 'no request is in flight')
})

/** Metrics that are measured from the receipt of the request head. */
const SINCE_HEAD = ['pdgw_router_ttft_seconds_sum', 'pdgw_router_request_duration_seconds_sum']
/** The front end passes the age of a request to its router thread in whole milliseconds. */
const AGE_ROUNDING_SECS = 0.001

test('time to first token and duration include the upload of the body', async t => {
  const { origin, adminOrigin } = await openGateway(t, {
    fleet: { prefill: 1, decode: 1, knobs: { itlBaseMs: 30 } },
  })
  const sendBody = await openUpload(t, origin)
  const startMs = performance.now()
  assert.equal(await ask(origin, false, 20), 200)
  const before = await samplesOf(adminOrigin)
  const uploadSecs = (performance.now() - startMs) / 1000
  await sendBody()
  const samples = await samplesOf(adminOrigin)
  for (const name of SINCE_HEAD) {
    const seconds = (samples.get(name) ?? 0) - (before.get(name) ?? 0)
    assert.ok(seconds >= uploadSecs - AGE_ROUNDING_SECS, `${name}: ${seconds} s, upload ${uploadSecs} s`)
  }
})

test('time to first token and duration include the wait in the admission queue', async t => {
  const { origin, adminOrigin } = await openGateway(t, {
    fleet: { prefill: 1, decode: 1, knobs: { itlBaseMs: 30 } },
    config: { admission: { maxConcurrentRequests: 1 } },
  })
  assert.deepEqual(await Promise.all([ask(origin, true, 20), ask(origin, true, 20)]), [200, 200])
  const samples = await samplesOf(adminOrigin)
  const waitSecs = samples.get('pdgw_frontend_queue_wait_seconds_sum') ?? 0
  assert.equal(samples.get('pdgw_frontend_queue_wait_seconds_count'), 1)
  assert.equal(samples.get('pdgw_router_ttft_seconds_count'), 2)
  for (const name of SINCE_HEAD) {
    const seconds = samples.get(name) ?? 0
    assert.ok(seconds >= waitSecs - AGE_ROUNDING_SECS, `${name}: ${seconds} s, wait ${waitSecs} s`)
  }
})
