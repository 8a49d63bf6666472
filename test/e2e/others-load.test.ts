/** Requests that engines have of others than the gateway count in its choice. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SimEngine } from '../../src/simulator/engine.ts'
import { openGateway, type TestGateway } from '../support/gateway.ts'
import { at } from '../support/sse.ts'
import { until } from '../support/until.ts'

/** Streams that take much longer than a test, and end within a step when their client leaves. */
const SLOW = { itlBaseMs: 200, contextLen: 100_000 }
const OUTPUT = { max_new_tokens: 10_000, ignore_eos: true }
const ENGINES = { loadIntervalSecs: 0.05 }

/** Long enough for the index of cached prefixes. */
const PROMPT = 'A question that needs an answer. '.repeat(40)

/** Opens streams that last until the result is called. */
async function openStreams(url: string, count: number, body: object = {}): Promise<() => void> {
  const stop = new AbortController()
  const opened = Array.from({ length: count }, () =>
    fetch(`${url}/generate`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text: PROMPT, stream: true, sampling_params: OUTPUT, ...body }),
      signal: stop.signal,
    }),
  )
  for (const response of await Promise.all(opened)) assert.equal(response.status, 200)
  return () => stop.abort()
}

function othersOn(gateway: TestGateway, engine: SimEngine): Promise<unknown> {
  return seenOf(gateway, engine, 'othersRequests')
}

/** What the gateway knows of the engine. */
async function seenOf({ adminOrigin }: TestGateway, { url }: SimEngine, member: string): Promise<unknown> {
  const { engines } = JSON.parse(await (await fetch(`${adminOrigin}/admin/engines`)).text())
  return at(
    engines.find((engine: object) => at(engine, 'url') === url),
    member,
  )
}

for (const main of ['least_load', 'power_of_two'] as const)
  test(`an engine that direct clients use gets fewer requests (${main})`, async t => {
    const gateway = await openGateway(t, {
      fleet: { mixed: 2, knobs: SLOW },
      engines: ENGINES,
      config: { policy: { main } },
    })
    const [busy, idle] = gateway.fleet.mixed
    assert.ok(busy && idle)
    const end = await openStreams(busy.url, 12)
    t.after(end)
    await until(async () => (await othersOn(gateway, busy)) === 12, 'all of them are known')
    t.after(await openStreams(gateway.origin, 6))
    assert.deepEqual([busy.running(), idle.running()], [12, 6])
    const metrics = await (await fetch(`${gateway.adminOrigin}/metrics`)).text()
    assert.match(metrics, new RegExp(`^pdgw_engine_others_requests\\{engine="${busy.url}"[^}]*\\} 12$`, 'm'))
    assert.match(metrics, new RegExp(`^pdgw_engine_others_requests\\{engine="${idle.url}"[^}]*\\} 0$`, 'm'))
    end()
    await until(async () => (await othersOn(gateway, busy)) === 0, 'they are gone')
    assert.equal(await othersOn(gateway, idle), 0, 'requests of the gateway are not those of others')
  })

test('a decode engine with long prompts of another gateway gets fewer requests', async t => {
  const fleet = { prefill: 1, decode: 2, knobs: { ...SLOW, kvTokens: 100_000 } }
  const first = await openGateway(t, { fleet, engines: ENGINES })
  const second = await openGateway(t, { fleet: first.fleet, engines: ENGINES })
  const end = await openStreams(first.origin, 1, { text: 'word '.repeat(4000) })
  t.after(end)
  const busy = first.fleet.decode.find(engine => engine.running() > 0)
  const idle = first.fleet.decode.find(engine => engine.running() === 0)
  assert.ok(busy && idle)
  await until(async () => (await othersOn(second, busy)) === 1, 'the other gateway knows of it')
  t.after(await openStreams(second.origin, 5))
  assert.deepEqual([busy.running(), idle.running()], [1, 5])
  const held = Number(await seenOf(first, busy, 'promptBytes'))
  assert.ok(held > 20_000, `${held} bytes of its prompt are counted while decode holds them`)
  end()
  await until(async () => (await seenOf(first, busy, 'promptBytes')) === 0, 'and no longer')
})

test('ranks of an engine count each for itself', async t => {
  const gateway = await openGateway(t, {
    fleet: { mixed: 1, knobs: { ...SLOW, dpSize: 2 } },
    engines: ENGINES,
    config: { policy: { main: 'least_load' } },
  })
  const [engine] = gateway.fleet.mixed
  assert.ok(engine)
  t.after(await openStreams(engine.url, 6, { routed_dp_rank: 1 }))
  await until(async () => (await othersOn(gateway, engine)) === 6, 'all of them are known')
  t.after(await openStreams(gateway.origin, 4))
  assert.deepEqual(
    engine.schedulers.map(scheduler => scheduler.load().running),
    [4, 6],
  )
})
