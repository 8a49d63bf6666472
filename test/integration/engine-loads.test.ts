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
  /** Requests that it reports. */
  running: number
  /** Of its response. */
  status: number
  /** Of its report; later in each one if it is not set. */
  timestamp: number | undefined
  /** How often it was asked. */
  asked: number
  readonly urls: Set<string>
}

async function openReporter(t: TestContext, slot: number, running: number, status = 200) {
  const reporter: Reporter = { running, status, timestamp: undefined, asked: 0, urls: new Set() }
  const server = createServer(({ url = '' }, response) => {
    reporter.asked++
    reporter.urls.add(url)
    response.statusCode = reporter.status
    const { running: reported, timestamp = reporter.asked } = reporter
    response.end(JSON.stringify({ loads: [{ dp_rank: 0, timestamp, num_running_reqs: reported }] }))
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
  assert.deepEqual(reporter.urls, new Set(['/v1/loads?include=core,disagg']))
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
    await openReporter(t, 0, 7, 404),
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

test('an engine that fails to answer keeps its load for two more questions', async t => {
  const { reporter, engine } = await openReporter(t, 0, 5)
  const { slots } = follow(t, [engine])
  await until(() => slots.othersRequests(0) === 5)
  reporter.status = 500
  const before = reporter.asked
  await until(() => slots.othersRequests(0) === 0)
  assert.ok(reporter.asked - before >= 3, `${reporter.asked - before} questions`)
  reporter.status = 200
  await until(() => slots.othersRequests(0) === 5)
})

test('a report that is read twice confirms nothing', async t => {
  const { reporter, engine } = await openReporter(t, 0, 5)
  reporter.timestamp = 1
  const { slots } = follow(t, [engine])
  await until(() => reporter.asked > 5)
  assert.equal(slots.othersRequests(0), 0)
  reporter.timestamp = 2
  await until(() => slots.othersRequests(0) === 5)
})

test('ranks count each for itself, and what was known of others is forgotten with them', async t => {
  const server = createServer((_, response) =>
    response.end(
      JSON.stringify({ loads: [1, 2].map(rank => ({ dp_rank: rank, num_running_reqs: 3 * rank })) }),
    ),
  )
  const url = `http://127.0.0.1:${await listen(server)}`
  t.after(() => server.close())
  const engine = engineOf({ slot: 1, url, role: 'mixed' })
  const ranked = { ...engine, ranks: { count: 3, field: 'routed_dp_rank' } } as const
  const { slots, loads } = follow(t, [ranked])
  const notes = (): number[] => slots.targetsOf(ranked).map(target => slots.othersRequests(target))
  await until(() => notes().join() === '0,3,6')
  loads.sync({ generation: 2, engines: [{ ...ranked, ranks: { ...ranked.ranks, count: 2 } }] })
  assert.equal(notes().at(-1), 0)
  loads.sync({ generation: 3, engines: [engine] })
  await until(
    () => slots.othersRequests(1) === 9,
    'of an engine that chooses the rank itself, all count together',
  )
})
