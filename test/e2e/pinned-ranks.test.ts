/** A client that pins a data-parallel rank has its choice kept or refused with an error; it is never dropped. */
import assert from 'node:assert/strict'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { after, suite, test } from 'node:test'
import { configSchema } from '../../src/config/config.ts'
import { startGateway } from '../../src/gateway.ts'
import type { FleetOptions, SimulatedFleet } from '../../src/simulator/fleet.ts'
import { openGateway } from '../support/gateway.ts'
import { listen } from '../support/listen.ts'
import { at } from '../support/sse.ts'
import { until } from '../support/until.ts'

const JSON_TYPE = { 'content-type': 'application/json' }
const ENDPOINTS = [
  ['/generate', { text: 'x' }],
  ['/v1/completions', { model: 'sim', prompt: 'x' }],
  ['/v1/chat/completions', { messages: [{ role: 'user', content: 'x' }] }],
] as const
const HEADER = { 'X-Data-Parallel-Rank': '1' }
const FIELDS = ['routed_dp_rank', 'disagg_prefill_dp_rank', 'data_parallel_rank'] as const

function post(url: string, body: object, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, { method: 'POST', headers: { ...JSON_TYPE, ...headers }, body: JSON.stringify(body) })
}

/** The last body that each engine of the pair has received. */
function lastBodies({ prefill, decode }: SimulatedFleet): unknown[] {
  return [prefill, decode].map(([engine]) => JSON.parse(engine?.received.at(-1)?.body.toString() ?? ''))
}

/** For each engine of the pair, the rank on which it is to run the request, and that of prefill. */
function namedIn(fleet: SimulatedFleet): unknown[][] {
  return lastBodies(fleet).map(body => [at(body, 'routed_dp_rank'), at(body, 'disagg_prefill_dp_rank')])
}

/** Two ranks on prefill, three on decode. */
const PAIR: FleetOptions = {
  prefill: 1,
  decode: 1,
  knobs: { recordBodies: 100 },
  knobsFor: role => ({ dpSize: role === 'prefill' ? 2 : 3 }),
}

suite('with separate prefill and decode engines', async () => {
  const { origin, fleet } = await openGateway({ after }, { fleet: PAIR })
  for (const [path, body] of ENDPOINTS) {
    test(`each engine of a pair runs ${path} on the rank that is named for it`, async () => {
      for (const [prefill, decode] of [
        [0, 2],
        [1, 0],
        [1, 1],
      ] as const)
        for (const name of ['routed_dp_rank', 'data_parallel_rank']) {
          const pinned = { disagg_prefill_dp_rank: prefill, [name]: decode, ...body }
          assert.equal((await post(`${origin}${path}`, pinned)).status, 200)
          assert.deepEqual(namedIn(fleet), [
            [prefill, prefill],
            [decode, prefill],
          ])
          for (const sent of lastBodies(fleet)) assert.equal(at(sent, 'data_parallel_rank'), undefined)
        }
    })

    test(`the rank that ${path} leaves open is chosen`, async () => {
      assert.equal((await post(`${origin}${path}`, { ...body, routed_dp_rank: 2 })).status, 200)
      const [[chosen] = [], [decode, ofPrefill] = []] = namedIn(fleet)
      assert.equal(decode, 2)
      assert.equal(chosen, ofPrefill)
      assert.ok(chosen === 0 || chosen === 1)
      assert.equal((await post(`${origin}${path}`, { ...body, disagg_prefill_dp_rank: 1 })).status, 200)
      assert.deepEqual(namedIn(fleet)[0], [1, 1])
    })

    test(`a header that pins a rank of ${path} means decode, and reaches no engine`, async () => {
      const headers = { 'X-Data-Parallel-Rank': '2' }
      const response = await post(`${origin}${path}`, { ...body, routed_dp_rank: 0 }, headers)
      assert.equal(response.status, 200)
      assert.equal(at(lastBodies(fleet)[1], 'routed_dp_rank'), 2)
      for (const [engine] of [fleet.prefill, fleet.decode])
        assert.equal(engine?.received.at(-1)?.headers['x-data-parallel-rank'], undefined)
    })

    test(`a rank of ${path} that an engine does not have is refused by the engine`, async () => {
      const toDecode = await post(`${origin}${path}`, { ...body, routed_dp_rank: 3 })
      assert.equal(toDecode.status, 400)
      assert.match(await toDecode.text(), /routed_dp_rank=3 out of range \[0, 3\)/)
      const toPrefill = await post(`${origin}${path}`, { ...body, disagg_prefill_dp_rank: 2 })
      assert.equal(toPrefill.status, 400)
      assert.match(await toPrefill.text(), /routed_dp_rank=2 out of range \[0, 2\)/)
    })

    test(`a rank of ${path} that is no number is refused`, async () => {
      const received = fleet.decode[0]?.counters.received
      for (const field of FIELDS)
        for (const rank of [-1, '0', 1.5, true]) {
          const response = await post(`${origin}${path}`, { ...body, [field]: rank })
          assert.equal(response.status, 400)
          assert.match(await response.text(), /A data-parallel rank must be a whole number, 0 or more/)
        }
      assert.equal((await post(`${origin}${path}`, body, { 'X-Data-Parallel-Rank': 'x' })).status, 400)
      assert.equal(fleet.decode[0]?.counters.received, received)
      assert.equal((await post(`${origin}${path}`, { ...body, routed_dp_rank: null })).status, 200)
    })
  }

  test('each sample and each prompt of a batch runs on the pinned ranks', async () => {
    const received = fleet.decode[0]?.received.length ?? 0
    const pinned = {
      text: ['x', 'y'],
      sampling_params: { n: 2 },
      routed_dp_rank: 1,
      disagg_prefill_dp_rank: 0,
    }
    assert.equal((await post(`${origin}/generate`, pinned)).status, 200)
    const bodies =
      fleet.decode[0]?.received.slice(received).map(({ body }) => JSON.parse(body.toString())) ?? []
    assert.equal(bodies.length, 4)
    for (const body of bodies)
      assert.deepEqual([at(body, 'routed_dp_rank'), at(body, 'disagg_prefill_dp_rank')], [1, 0])
  })
})

test('engines of a pair get pinned ranks although they choose the others themselves', async t => {
  const { origin, fleet } = await openGateway(t, { fleet: PAIR, engines: { dataParallelRanks: 'off' } })
  const pinned = { text: 'x', disagg_prefill_dp_rank: 1, routed_dp_rank: 2 }
  assert.equal((await post(`${origin}/generate`, pinned)).status, 200)
  assert.deepEqual(namedIn(fleet), [
    [1, 1],
    [2, 1],
  ])
})

for (const pairVersions of ['same', 'any'] as const)
  test(`engines that accept no rank in a pair do not get a request that pins one (pair versions: ${pairVersions})`, async t => {
    const old = { ...PAIR, knobs: { ...PAIR.knobs, version: '0.5.9' } }
    const { origin, fleet } = await openGateway(t, { fleet: old, engines: { pairVersions } })
    const refused = await post(`${origin}/generate`, { text: 'x', routed_dp_rank: 1 })
    assert.equal(refused.status, 400)
    const text = await refused.text()
    assert.match(text, /The prefill engine \(SGLang 0\.5\.9\) accepts no data-parallel rank in a pair/)
    assert.doesNotMatch(text, /127\.0\.0\.1|http/)
    assert.equal(fleet.decode[0]?.counters.received, 0)
  })

test('a request that waits for its rank keeps no other waiting', async t => {
  const { origin, fleet } = await openGateway(t, {
    fleet: {
      mixed: 2,
      knobs: { itlBaseMs: 200, contextLen: 100_000, maxRunning: 1 },
      knobsFor: (_, index) => ({ dpSize: index === 0 ? 2 : 4 }),
    },
  })
  const [small, large] = fleet.mixed
  assert.ok(small && large)
  const stop = new AbortController()
  t.after(() => stop.abort())
  const openStream = (pins: object): Promise<Response> =>
    fetch(`${origin}/generate`, {
      method: 'POST',
      headers: JSON_TYPE,
      signal: stop.signal,
      body: JSON.stringify({ text: 'x', stream: true, sampling_params: { max_new_tokens: 10_000 }, ...pins }),
    })
  // The limit of an engine is that of all its ranks together.
  const pinned = Array.from({ length: 5 }, () => openStream({ routed_dp_rank: 3 }))
  for (const stream of pinned) stream.catch(() => undefined)
  await until(() => large.running() === 4)
  for (let free = 0; free < 2; free++) assert.equal((await openStream({})).status, 200)
  assert.equal(small.running(), 2)
})

suite('with a mixed engine', async () => {
  const seen: { readonly headers: IncomingHttpHeaders; readonly body: string }[] = []
  const server = createServer((request, response) => {
    if (request.method === 'GET') return void response.end('{}')
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      seen.push({ headers: request.headers, body })
      response.writeHead(200, JSON_TYPE).end('{"text":"a","choices":[{"text":"a","finish_reason":"stop"}]}')
    })
  })
  after(() => server.close())
  const engine = `http://127.0.0.1:${await listen(server)}`
  const gateway = await startGateway(
    configSchema.parse({
      log: { level: 'error' },
      server: { host: '127.0.0.1', port: 0, workers: 1 },
      admin: { port: 0 },
      engines: { mode: 'mixed', mixed: [{ url: engine }] },
    }),
  )
  after(() => gateway.close())
  const origin = `http://127.0.0.1:${gateway.port}`
  await until(async () => (await fetch(`${origin}/readiness`)).status === 200)

  test('a pinned rank reaches the engine, although it reports no ranks', async () => {
    for (const field of ['routed_dp_rank', 'data_parallel_rank']) {
      await (await post(`${origin}/v1/completions`, { prompt: 'x', [field]: 1 })).text()
      assert.equal(at(JSON.parse(seen.at(-1)?.body ?? ''), 'routed_dp_rank'), 1)
    }
    await (await post(`${origin}/v1/completions`, { prompt: 'x', disagg_prefill_dp_rank: 1 })).text()
    assert.equal(at(JSON.parse(seen.at(-1)?.body ?? ''), 'disagg_prefill_dp_rank'), 1)
    await (await post(`${origin}/generate`, { text: 'x' }, HEADER)).text()
    assert.equal(at(JSON.parse(seen.at(-1)?.body ?? ''), 'routed_dp_rank'), 1)
    assert.equal(seen.at(-1)?.headers['x-data-parallel-rank'], '1')
  })
})

test('a pinned rank that no engine has is refused at once, and charged to no engine', async () => {
  const { origin, adminOrigin, fleet } = await openGateway(
    { after },
    { fleet: { mixed: 2, knobs: { dpSize: 2 } } },
  )
  for (const [path, body] of ENDPOINTS) {
    const response = await post(`${origin}${path}`, { ...body, routed_dp_rank: 2 })
    assert.equal(response.status, 400)
    assert.match(await response.text(), /routed_dp_rank=2 out of range \[0, 2\)/)
    assert.equal((await post(`${origin}${path}`, { ...body, routed_dp_rank: 1 })).status, 200)
  }
  const received = fleet.mixed.reduce((sum, { counters }) => sum + counters.received, 0)
  assert.equal(received, 2 * ENDPOINTS.length, 'each is sent once')
  const metrics = await (await fetch(`${adminOrigin}/metrics`)).text()
  assert.doesNotMatch(metrics, /^pdgw_engine_failures_total.* [1-9]/m)
})

test('a header that is no rank is refused, because engines do not read it on every path', async t => {
  const { origin } = await openGateway(t, { fleet: { mixed: 1, knobs: { dpSize: 2 } } })
  for (const [path, body] of ENDPOINTS) {
    const response = await post(`${origin}${path}`, body, { 'X-Data-Parallel-Rank': 'abc' })
    assert.equal(response.status, 400)
    assert.match(await response.text(), /must be a whole number, 0 or more/)
    assert.equal((await post(`${origin}${path}`, body, { 'X-Data-Parallel-Rank': '7' })).status, 400)
  }
})

test('a mixed engine with ranks gets the pinned one in the way that it reads on every path', async t => {
  const { origin, fleet } = await openGateway(t, {
    fleet: { mixed: 1, knobs: { dpSize: 2, recordBodies: 20 } },
    config: { policy: { main: 'least_load' } },
  })
  const [engine] = fleet.mixed
  assert.ok(engine)
  for (const [path, body] of ENDPOINTS)
    for (const [pinned, headers] of [
      [{}, HEADER],
      [{ routed_dp_rank: 1 }, undefined],
      [{ data_parallel_rank: 1 }, undefined],
      [{ routed_dp_rank: 0 }, HEADER],
      [{ routed_dp_rank: null }, HEADER],
    ] as const) {
      assert.equal((await post(`${origin}${path}`, { ...body, ...pinned }, headers)).status, 200)
      const text: string = engine.received.at(-1)?.body.toString() ?? ''
      assert.equal(text.match(/_rank"/g)?.length, 1, `the rank is named once: ${text}`)
      assert.equal(at(JSON.parse(text), 'routed_dp_rank'), 1)
    }
})
