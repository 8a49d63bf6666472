/** All engines of a role are gone, then back: how long until the gateway's clients notice. */
import assert from 'node:assert/strict'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { suite, type TestContext, test } from 'node:test'
import type { SimEngine } from '../../bench/simulator/engine.ts'
import { type GatewayHouse, openGateway } from '../support/gateway.ts'
import { until } from '../support/until.ts'

const INTERVAL_SECS = 2
const LIMIT_MS = (INTERVAL_SECS + 1) * 1000
const LOOP_STEP_MS = 10
const ROLES = ['prefill', 'decode'] as const

/** Nothing of a role's outage may outlast it: neither an open breaker nor a queue. */
function openHouse(t: TestContext): Promise<GatewayHouse> {
  return openGateway(t, {
    fleet: { prefill: 2, decode: 2 },
    config: {
      health: { intervalSecs: INTERVAL_SECS, failureThreshold: 1 },
      retry: { maxRetries: 2, initialBackoffMs: 5, maxBackoffMs: 20, budgetFloorPerSec: 1000 },
      breaker: { failureThreshold: 3, openSecs: 3600 },
      // A client of an outage is told at once, so that the test need not wait.
      admission: { outageWaitSecs: 0.1 },
      timeouts: { engineWaitMs: 100 },
    },
  })
}

async function ask(origin: string): Promise<number> {
  const response = await fetch(`${origin}/generate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"text":"hello","sampling_params":{"max_new_tokens":2}}',
  })
  await response.arrayBuffer()
  return response.status
}

async function assertServed(origin: string): Promise<void> {
  const statuses = await Promise.all(Array.from({ length: 20 }, () => ask(origin)))
  assert.ok(
    statuses.every(status => status === 200),
    statuses.join(' '),
  )
}

// Most of their time these wait for probes.
suite('a role that is gone and comes back', { concurrency: 2 }, () => {
  for (const role of ROLES) {
    test(`when all ${role} engines die and come back, traffic is back within probe interval + 1 s`, async t => {
      const { origin, fleet } = await openHouse(t)
      const engines: readonly SimEngine[] = fleet[role]
      assert.equal(await ask(origin), 200)
      await Promise.all(engines.map(engine => engine.setHealth('dead')))
      await until(async () => !(await fetch(`${origin}/readiness`)).ok, 'the gateway is not ready', 60_000)
      assert.equal(await ask(origin), 503)
      await Promise.all(engines.map(engine => engine.setHealth('up')))
      const lateness = monitorEventLoopDelay({ resolution: LOOP_STEP_MS })
      lateness.enable()
      const startMs = performance.now()
      await until(async () => (await ask(origin)) === 200)
      const tookMs = performance.now() - startMs
      lateness.disable()
      await assertServed(origin)
      t.diagnostic(`back after ${Math.round(tookMs)} ms`)
      // A probe and a request take several turns of loops that have to wait for a processor, ours among them.
      const lateMs = 4 * Math.max(0, lateness.max / 1e6 - LOOP_STEP_MS)
      assert.ok(tookMs <= LIMIT_MS + lateMs, `${tookMs} ms, own loops late by ${lateMs} ms`)
    })

    test(`when all ${role} engines answer 500 until breakers open, then heal, traffic is back at once`, async t => {
      const { origin, adminOrigin, fleet } = await openHouse(t)
      const engines: readonly SimEngine[] = fleet[role]
      for (const engine of engines) engine.knobs.errorStatusProb = 1
      await until(async () => {
        assert.equal(await ask(origin), 500)
        const view = await (await fetch(`${adminOrigin}/admin/engines`)).text()
        return (view.match(/"breaker":"open"/g) ?? []).length === engines.length
      })
      for (const engine of engines) engine.knobs.errorStatusProb = 0
      // At once is with the very next request.
      assert.equal(await ask(origin), 200)
      await assertServed(origin)
    })
  }
})
