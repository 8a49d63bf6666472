/** What /metrics says is what happened: held against the engines' own counters and the answers that clients got. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openGateway, until } from '../../support/gateway.ts'

const REQUESTS = 120
const AT_ONCE = 8

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

for (const seed of [1, 2, 3]) {
  test(`sums agree with engines and clients while decode engines fail (seed ${seed})`, async t => {
    const { origin, adminOrigin, fleet } = await openGateway(t, {
      fleet: {
        prefill: 2,
        decode: 2,
        knobs: { seed },
        // The delay lets prefill see every attempt: one that fails before its connection is made is never received.
        knobsFor: role => (role === 'decode' ? { errorStatusProb: 0.3, slowFirstByteMs: 50 } : {}),
      },
      config: { retry: { maxRetries: 2, initialBackoffMs: 1, maxBackoffMs: 5 }, server: { workers: 2 } },
    })
    const statuses = await askMany(origin)
    await until(async () => sumOf(await samplesOf(adminOrigin), 'pdgw_engine_in_flight') === 0)
    const samples = await samplesOf(adminOrigin)
    const good = statuses.filter(status => status === 200).length

    assert.equal(samples.get('pdgw_router_requests_total{endpoint="generate",outcome="ok"}'), good)
    const lost = samples.get('pdgw_router_requests_total{endpoint="generate",outcome="engine-error"}')
    assert.equal(lost, REQUESTS - good)
    assert.equal(samples.get('pdgw_router_request_duration_seconds_count'), REQUESTS)
    for (const { url, counters } of [...fleet.prefill, ...fleet.decode]) {
      assert.equal(sumOf(samples, `pdgw_engine_attempts_total{engine="${url}"`), counters.received, url)
    }
    const failed = fleet.decode.reduce((sum, { counters }) => sum + counters.failed, 0)
    assert.ok(failed > 0)
    assert.equal(sumOf(samples, 'pdgw_engine_failures_total'), failed)
    assert.equal(samples.get('pdgw_router_attempt_failures_total{cause="status"}'), failed)
    assert.equal(sumOf(samples, 'pdgw_router_retries_total'), failed - (REQUESTS - good))
    assert.equal(sumOf(samples, 'pdgw_router_attempts_total'), REQUESTS + failed - (REQUESTS - good))
  })
}

test('refusals of the front end are counted by their reason', async t => {
  const { origin, adminOrigin } = await openGateway(t, { fleet: { prefill: 1, decode: 1 } })
  for (const path of ['/nowhere', '/nowhere', '/rerank']) {
    // oxlint-disable-next-line no-await-in-loop -- order does not matter, one connection is enough
    await (await fetch(`${origin}${path}`)).arrayBuffer()
  }
  const samples = await samplesOf(adminOrigin)
  assert.equal(samples.get('pdgw_frontend_refused_total{reason="route-not-found"}'), 2)
  assert.equal(samples.get('pdgw_frontend_refused_total{reason="not-implemented"}'), 1)
})
