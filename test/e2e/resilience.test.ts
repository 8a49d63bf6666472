/** Circuit breakers, avoided pairs and waits of a whole gateway with simulated engines. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SimulatedFleet } from '../../src/simulator/fleet.ts'
import { openGateway } from '../support/gateway.ts'
import { until } from '../support/until.ts'

const RETRY = { maxRetries: 5, initialBackoffMs: 2, maxBackoffMs: 20, budgetFloorPerSec: 1000 }
const STEADY = { policy: { main: 'round_robin' }, retry: RETRY, health: { intervalSecs: 60 } } as const
const PAIRS = { prefill: 2, decode: 2 } as const

async function ask(origin: string, text = 'hello'): Promise<number> {
  const response = await fetch(`${origin}/generate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text, sampling_params: { max_new_tokens: 2 } }),
  })
  await response.arrayBuffer()
  return response.status
}

/** The statuses of `count` requests, sent ten at a time. */
async function askMany(origin: string, count: number, textOf?: (index: number) => string): Promise<number[]> {
  const statuses: number[] = []
  let next = 0
  const client = async (): Promise<void> => {
    while (next < count) {
      const index = next++
      statuses.push(await ask(origin, textOf?.(index)))
    }
  }
  await Promise.all(Array.from({ length: 10 }, client))
  return statuses
}

function received(fleet: SimulatedFleet): number[] {
  return fleet.decode.map(engine => engine.counters.received)
}

/** The number of requests that the gateway has open on an engine. */
async function legsOn(adminOrigin: string, url: string): Promise<number> {
  const metrics = await (await fetch(`${adminOrigin}/metrics`)).text()
  const line = metrics.split('\n').find(text => text.startsWith(`pdgw_engine_in_flight{engine="${url}"`))
  return Number(line?.split(' ').at(-1))
}

function engineAt<T>(engines: readonly T[], at: number): T {
  const engine = engines[at]
  assert.ok(engine !== undefined)
  return engine
}

function areGood(statuses: readonly number[]): boolean {
  return statuses.every(status => status === 200)
}

test('avoids an engine that fails its requests, and uses it again after a successful probe', async t => {
  const breaker = { openSecs: 1, successThreshold: 1 }
  const { origin, fleet } = await openGateway(t, { fleet: PAIRS, config: { ...STEADY, breaker } })
  const sick = engineAt(fleet.decode, 0)
  sick.knobs.errorStatusProb = 1
  const startMs = performance.now()
  assert.ok(areGood(await askMany(origin, 60)))
  const probes = Math.ceil((performance.now() - startMs) / 1000)
  // The engine received the failures that opened the breaker, requests in flight at that time, and one probe a second.
  assert.ok(
    sick.counters.received < 24 + probes,
    `${sick.counters.received} requests to an engine that fails them all`,
  )
  sick.knobs.errorStatusProb = 0
  const before = sick.counters.received
  await until(async () => {
    assert.equal(await ask(origin), 200)
    return sick.counters.received > before + 10
  })
})

test('opens no breaker for requests that engines refuse with 400', async t => {
  const { origin, fleet } = await openGateway(t, {
    fleet: { ...PAIRS, knobs: { rejectOn: 'bad' } },
    config: STEADY,
  })
  // More than half of them, which would open a breaker if they counted as failures.
  const statuses = await askMany(origin, 200, index => (index % 10 < 7 ? 'bad' : 'good'))
  assert.equal(statuses.filter(status => status === 400).length, 140)
  assert.equal(statuses.filter(status => status === 200).length, 60)
  const before = received(fleet)
  assert.ok(areGood(await askMany(origin, 20)))
  assert.ok(
    received(fleet).every((count, at) => count >= (before[at] ?? 0) + 8),
    'an engine is avoided',
  )
})

test('takes an engine whose queue others keep full for no sick one', async t => {
  const { origin, adminOrigin, fleet } = await openGateway(t, {
    fleet: { mixed: 2, knobs: { maxRunning: 1, maxQueued: 1, contextLen: 100_000 } },
    config: STEADY,
  })
  const busy = engineAt(fleet.mixed, 0)
  busy.knobs.itlBaseMs = 200
  const others = new AbortController()
  t.after(() => others.abort())
  const fill = async (): Promise<void> => {
    const sampling = { max_new_tokens: 10_000, ignore_eos: true }
    const body = JSON.stringify({ text: 'of others', sampling_params: sampling })
    const headers = { 'content-type': 'application/json' }
    await fetch(`${busy.url}/generate`, { method: 'POST', headers, body, signal: others.signal }).catch(
      () => undefined,
    )
  }
  const [first, second] = [fill(), fill()]
  t.after(() => Promise.all([first, second]))
  await until(() => busy.scheduler.load().waiting === 1, 'one of their requests runs and one waits')
  const before = busy.counters.received
  // Ten failures in a row would open its breaker, and keep all others away for longer than the test takes.
  await until(async () => {
    assert.equal(await ask(origin), 200)
    return busy.counters.received >= before + 15
  }, 'it has refused many requests of the gateway')
  const metrics = await (await fetch(`${adminOrigin}/metrics`)).text()
  const breakers = metrics.match(/^pdgw_engine_breaker_state\{.*$/gm) ?? []
  assert.deepEqual(
    breakers.map(line => line.split(' ').at(-1)),
    ['0', '0'],
  )
})

test('keeps sending when all engines of a role fail, so that they are used again as soon as they recover', async t => {
  const { origin, fleet } = await openGateway(t, { fleet: PAIRS, config: STEADY })
  for (const engine of fleet.decode) engine.knobs.errorStatusProb = 1
  assert.ok((await askMany(origin, 20)).every(status => status === 500))
  for (const engine of fleet.decode) engine.knobs.errorStatusProb = 0
  assert.ok(areGood(await askMany(origin, 20)))
})

test('avoids a pair whose transfers fail, but neither of its engines', async t => {
  const { origin, adminOrigin, fleet } = await openGateway(t, {
    fleet: PAIRS,
    // Longer than the test.
    config: { ...STEADY, policy: { main: 'random' }, pairs: { avoidSecs: 600, maxAvoidSecs: 600 } },
  })
  fleet.breakPair(engineAt(fleet.prefill, 0), engineAt(fleet.decode, 0), 600_000)
  // The policy is random: it is unknown after how many requests the pair, and then each engine, is chosen enough.
  await until(async () => {
    assert.ok(areGood(await askMany(origin, 10)))
    return (await (await fetch(`${adminOrigin}/metrics`)).text()).includes('\npdgw_router_pairs_avoided 1\n')
  })
  const engines = [...fleet.prefill, ...fleet.decode]
  const failed = engines.reduce((sum, engine) => sum + engine.counters.failed, 0)
  const before = engines.map(engine => engine.counters.received)
  await until(async () => {
    assert.ok(areGood(await askMany(origin, 40)))
    return engines.every((engine, at) => engine.counters.received >= (before[at] ?? 0) + 5)
  })
  assert.equal(
    engines.reduce((sum, engine) => sum + engine.counters.failed, 0),
    failed,
  )
})

test('a client that leaves during a probe lets the next request probe', async t => {
  const breaker = { openSecs: 0.5, successThreshold: 1, probeTimeoutSecs: 3600 }
  const { origin, adminOrigin, fleet } = await openGateway(t, {
    fleet: PAIRS,
    config: { ...STEADY, breaker },
  })
  const sick = engineAt(fleet.decode, 0)
  sick.knobs.errorStatusProb = 1
  assert.ok(areGood(await askMany(origin, 60)))
  sick.knobs.errorStatusProb = 0
  sick.knobs.blackhole = true
  const leaving = new AbortController()
  const held = async (): Promise<void> => {
    await fetch(`${origin}/generate`, {
      method: 'POST',
      signal: leaving.signal,
      headers: { 'content-type': 'application/json' },
      body: '{"text":"a"}',
    }).catch(() => undefined)
  }
  // One of these requests is the probe, which hangs.
  const clients: Promise<void>[] = []
  await until(async () => {
    clients.push(held())
    return (await legsOn(adminOrigin, sick.url)) > 0
  })
  leaving.abort()
  await Promise.all(clients)
  sick.knobs.blackhole = false
  const then = sick.counters.received
  await until(async () => {
    assert.equal(await ask(origin), 200)
    return sick.counters.received > then + 5
  })
})

test('waits for an engine to join, but only for a limited time', async t => {
  const config = {
    ...STEADY,
    timeouts: { engineWaitMs: 400 },
    admission: { outageWaitSecs: 0.4 },
    health: { intervalSecs: 0.1, failureThreshold: 1 },
  }
  const { origin, fleet } = await openGateway(t, { fleet: { prefill: 1, decode: 1 }, config })
  await engineAt(fleet.decode, 0).close()
  await until(async () => (await ask(origin)) === 503)
  const start = performance.now()
  assert.equal(await ask(origin), 503)
  assert.ok(performance.now() - start >= 390)
})
