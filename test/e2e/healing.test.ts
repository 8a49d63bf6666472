/** All engines of a role go away and come back: how long clients of the gateway notice. */
import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import type { SimEngine } from '../../src/simulator/engine.ts'
import { openGateway, type TestGateway } from '../support/gateway.ts'
import { measureMachineLag } from '../support/machine-lag.ts'
import { until } from '../support/until.ts'

const INTERVAL_SECS = 2
const LIMIT_MS = (INTERVAL_SECS + 1) * 1000
const ROLES = ['prefill', 'decode'] as const

/** A gateway in which no effect of an outage may outlast it: neither an open breaker nor a queue. */
function openFailingGateway(t: TestContext): Promise<TestGateway> {
  return openGateway(t, {
    fleet: { prefill: 2, decode: 2 },
    config: {
      health: { intervalSecs: INTERVAL_SECS, failureThreshold: 1 },
      retry: { maxRetries: 2, initialBackoffMs: 5, maxBackoffMs: 20, budgetFloorPerSec: 1000 },
      breaker: { failureThreshold: 3, openSecs: 3600 },
      // Requests fail at once during an outage, so that the test need not wait.
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

// These tests mostly wait for probes.
suite('A role that goes away and comes back', { concurrency: 2 }, () => {
  for (const role of ROLES) {
    test(`serves again within the probe interval + 1 s after all ${role} engines died and came back`, async t => {
      const { origin, fleet } = await openFailingGateway(t)
      const engines: readonly SimEngine[] = fleet[role]
      assert.equal(await ask(origin), 200)
      await Promise.all(engines.map(engine => engine.setHealth('dead')))
      await until(async () => !(await fetch(`${origin}/readiness`)).ok, 'the gateway is not ready', 60_000)
      assert.equal(await ask(origin), 503)
      await Promise.all(engines.map(engine => engine.setHealth('up')))
      const lag = measureMachineLag(t)
      const startMs = performance.now()
      await until(async () => (await ask(origin)) === 200)
      const tookMs = performance.now() - startMs
      await assertServed(origin)
      t.diagnostic(`back after ${Math.round(tookMs)} ms`)
      // A probe and a request pass several event loops, each of which may wait for a processor.
      const lateMs = 4 * lag.percentile(1)
      assert.ok(tookMs <= LIMIT_MS + lateMs, `${tookMs} ms, machine late by ${lateMs} ms`)
    })

    test(`serves again at once after all ${role} engines returned 500 until breakers opened`, async t => {
      const { origin, adminOrigin, fleet } = await openFailingGateway(t)
      const engines: readonly SimEngine[] = fleet[role]
      for (const engine of engines) engine.knobs.errorStatusProb = 1
      await until(async () => {
        assert.equal(await ask(origin), 500)
        const view = await (await fetch(`${adminOrigin}/admin/engines`)).text()
        return (view.match(/"breaker":"open"/g) ?? []).length === engines.length
      })
      for (const engine of engines) engine.knobs.errorStatusProb = 0
      // At once means with the very next request.
      assert.equal(await ask(origin), 200)
      await assertServed(origin)
    })
  }
})
