/** What the control thread notes of the load that engines report. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { type TestContext, test } from 'node:test'
import { EngineLoads } from '../../src/control/load/engine-loads.ts'
import type { Engine } from '../../src/core/engine.ts'
import { EngineSlots } from '../../src/shared/engine-slots.ts'
import { createSharedMemory } from '../../src/shared/layout.ts'
import { engineOf } from '../support/engines.ts'
import { heldLease } from '../support/held-lease.ts'
import { listen } from '../support/listen.ts'
import { until } from '../support/until.ts'

interface Reporter {
  /** Requests that it says it has; `undefined` if it has no such path. */
  running: number | undefined
  /** How often it was asked. */
  asked: number
  readonly urls: Set<string>
}

async function openReporter(t: TestContext, slot: number, running?: number) {
  const reporter: Reporter = { running, asked: 0, urls: new Set() }
  const server = createServer(({ url = '' }, response) => {
    reporter.asked++
    reporter.urls.add(url)
    if (reporter.running === undefined) response.statusCode = 404
    response.end(JSON.stringify({ loads: [{ dp_rank: 0, num_running_reqs: reporter.running ?? 0 }] }))
  })
  const url = `http://127.0.0.1:${await listen(server)}`
  t.after(() => server.close())
  return { reporter, engine: engineOf({ slot, url, role: 'mixed' }) }
}

function follow(t: TestContext, engines: readonly Engine[]) {
  const slots = new EngineSlots(createSharedMemory(4, 1))
  for (const { slot } of engines) slots.setHealth(slot, 'healthy')
  slots.noteOthers(3, { requests: 9, promptBytes: 9 })
  const loads = new EngineLoads({ config: LOAD_CONFIG, slots })
  t.after(() => loads.close())
  loads.sync({ generation: 1, engines })
  return { slots, loads }
}

const LOAD_CONFIG = { engines: { loadIntervalSecs: 0.02 } }

test('requests beyond those of the gateway are noted, until the engine is unhealthy or gone', async t => {
  const { reporter, engine } = await openReporter(t, 0, 5)
  const { slots, loads } = follow(t, [engine])
  assert.equal(slots.othersRequests(3), 0, 'nothing is left of a previous control thread')
  await until(() => slots.othersRequests(0) === 5)
  assert.deepEqual(reporter.urls, new Set(['/v1/loads?include=core']))
  const lease = heldLease(slots, 0, engine)
  await until(() => slots.othersRequests(0) === 4)
  lease.release()
  slots.setHealth(0, 'unhealthy')
  await until(() => slots.othersRequests(0) === 0)
  slots.setHealth(0, 'healthy')
  await until(() => slots.othersRequests(0) === 5)
  loads.sync({ generation: 2, engines: [] })
  assert.equal(slots.othersRequests(0), 0)
})

test('engines that do not report their load are not asked again for a while, and vLLM never', async t => {
  const [silent, vllm, reporting] = [
    await openReporter(t, 0),
    await openReporter(t, 1, 7),
    await openReporter(t, 2, 7),
  ]
  const engines = [silent.engine, { ...vllm.engine, isVllm: true }, reporting.engine]
  const { slots } = follow(t, engines)
  await until(() => reporting.reporter.asked > 5)
  assert.deepEqual([silent.reporter.asked, vllm.reporter.asked], [1, 0])
  assert.deepEqual(
    [0, 1, 2].map(slot => slots.othersRequests(slot)),
    [0, 0, 7],
  )
})
