import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Worker } from 'node:worker_threads'
import { openControl as control, fakeEngine } from '../../support/control.ts'
import { until } from '../../support/until.ts'

test('engines are registered with the properties that they report, and healthy at their first good probe', async t => {
  const prefill = await fakeEngine(t, {
    disaggregation_mode: 'prefill',
    disaggregation_bootstrap_port: 9000,
    max_running_requests: 2,
  })
  const decode = await fakeEngine(t, undefined)
  const { seen, slots } = await control(t, { prefill: [{ url: prefill.url }], decode: [{ url: decode.url }] })
  await until(() => slots.isHealthy(0) && slots.isHealthy(1), 'both are healthy')
  const byRole = new Map(seen.snapshot.engines.map(engine => [engine.role, engine]))
  assert.deepEqual([byRole.get('prefill')?.bootstrapPort, byRole.get('prefill')?.maxRunning], [9000, 2])
  assert.equal(byRole.get('decode')?.url, decode.url)
})

test('a control thread that dies is replaced: probes continue, and no engine is lost', async t => {
  const workers: Worker[] = []
  const note = (worker: Worker): void => void workers.push(worker)
  process.on('worker', note)
  t.after(() => process.off('worker', note))
  const engines = [await fakeEngine(t, undefined), await fakeEngine(t, undefined)]
  const urls = engines.map(({ url }) => ({ url }))
  const { seen, slots } = await control(t, { prefill: urls.slice(0, 1), decode: urls.slice(1) })
  await until(() => slots.isHealthy(0) && slots.isHealthy(1), 'both are healthy')
  const { generation } = seen.snapshot
  assert.equal(workers.length, 1)
  await workers[0]?.terminate()
  assert.equal(seen.snapshot.engines.length, 2)
  for (const engine of engines) engine.health = 500
  await until(() => !slots.isHealthy(0) && !slots.isHealthy(1), 'both are unhealthy')
  assert.equal(workers.length, 2)
  assert.deepEqual(
    seen.snapshot.engines.map(({ url }) => url).toSorted(),
    engines.map(({ url }) => url).toSorted(),
  )
  assert.equal(seen.snapshot.generation, generation)
  for (const engine of engines) engine.health = 200
  await until(() => slots.isHealthy(0) && slots.isHealthy(1), 'both are healthy again')
  assert.ok(seen.snapshot.generation > generation)
  assert.ok(
    seen.sizes.every((size, index) => size >= (seen.sizes[index - 1] ?? 0)),
    seen.sizes.join(' '),
  )
})

test('a removed engine stays removed when the control thread is replaced, until it is added again', async t => {
  const workers: Worker[] = []
  const note = (worker: Worker): void => void workers.push(worker)
  process.on('worker', note)
  t.after(() => process.off('worker', note))
  const [kept, gone] = [await fakeEngine(t, undefined), await fakeEngine(t, undefined)]
  const { seen, slots, running } = await control(t, { decode: [{ url: kept.url }, { url: gone.url }] })
  await until(() => slots.isHealthy(0) && slots.isHealthy(1), 'both are healthy')
  const engines = `http://127.0.0.1:${running.adminPort}/admin/engines`
  assert.equal((await fetch(`${engines}/${encodeURIComponent(gone.url)}`, { method: 'DELETE' })).status, 202)
  await until(() => seen.snapshot.engines.length === 1, 'the engine is removed')
  const slot = seen.snapshot.engines[0]?.slot ?? -1

  await workers[0]?.terminate()
  await until(() => workers.length === 2, 'a new thread has started')
  const { received } = gone
  for (const health of [500, 200]) {
    kept.health = health
    await until(() => slots.isHealthy(slot) === (health === 200), `the new thread has seen ${health}`)
  }
  assert.equal(gone.received, received)
  assert.deepEqual(
    seen.snapshot.engines.map(({ url }) => url),
    [kept.url],
  )
  const body = JSON.stringify({ url: gone.url, role: 'decode' })
  const headers = { 'content-type': 'application/json' }
  assert.equal((await fetch(engines, { method: 'POST', headers, body })).status, 202)
  await until(() => seen.snapshot.engines.length === 2, 'the engine is registered again')
})

test('an added engine keeps the address of its KV events when the control thread is replaced', async t => {
  const workers: Worker[] = []
  const note = (worker: Worker): void => void workers.push(worker)
  process.on('worker', note)
  t.after(() => process.off('worker', note))
  const engine = await fakeEngine(t, { max_running_requests: 8 })
  const { seen, slots, running } = await control(t, { mode: 'mixed' })
  const kvEvents = 'tcp://10.0.0.1:5557'
  const post = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ url: engine.url, role: 'mixed', kvEvents }),
  }
  assert.equal((await fetch(`http://127.0.0.1:${running.adminPort}/admin/engines`, post)).status, 202)
  await until(() => slots.isHealthy(0), 'it is healthy')
  assert.equal(seen.snapshot.engines[0]?.kvEvents, kvEvents)
  await workers[0]?.terminate()
  engine.info = { max_running_requests: 16 }
  engine.health = 500
  await until(() => !slots.isHealthy(0), 'the new thread finds it unhealthy')
  engine.health = 200
  await until(() => seen.snapshot.engines[0]?.maxRunning === 16, 'it is registered again')
  assert.equal(seen.snapshot.engines[0]?.kvEvents, kvEvents)
})

test('an engine continues to drain when the control thread is replaced', async t => {
  const workers: Worker[] = []
  const note = (worker: Worker): void => void workers.push(worker)
  process.on('worker', note)
  t.after(() => process.off('worker', note))
  const engine = await fakeEngine(t, undefined)
  const { seen, slots, running } = await control(t, { decode: [{ url: engine.url }] })
  await until(() => slots.isHealthy(0), 'it is healthy')
  slots.addInFlight(0, 0, 1)
  const path = `http://127.0.0.1:${running.adminPort}/admin/engines/${encodeURIComponent(engine.url)}`
  assert.equal((await fetch(path, { method: 'DELETE' })).status, 202)
  await until(() => slots.health(0) === 'draining', 'the engine is draining')
  await workers[0]?.terminate()
  await until(() => workers.length === 2, 'a new thread has started')
  assert.deepEqual([slots.health(0), seen.snapshot.engines.length], ['draining', 1])
  slots.addInFlight(0, 0, -1)
  await until(() => seen.snapshot.engines.length === 0, 'the drained engine is removed')
})

test('the control thread starts without engines', async t => {
  const { running, seen } = await control(t, {})
  await running.close()
  assert.deepEqual(seen.snapshot.engines, [])
})

test('an engine that starts after the gateway is registered when it responds', async t => {
  const first = await fakeEngine(t, undefined)
  await first.stop()
  const { seen, slots } = await control(t, { mode: 'mixed', mixed: [{ url: first.url }] })
  assert.equal(seen.snapshot.engines.length, 0)
  await until(() => seen.joining === 1, 'it is counted as joining')
  await fakeEngine(t, undefined, first.port)
  await until(() => slots.isHealthy(0), 'the late engine is healthy')
  assert.equal(seen.snapshot.engines[0]?.role, 'mixed')
  await until(() => seen.joining === 0, 'it has joined')
})

test('engines that have never responded are listed with the error, counted, and have a health', async t => {
  const [configured, added] = [await fakeEngine(t, undefined), await fakeEngine(t, undefined)]
  await Promise.all([configured.stop(), added.stop()])
  const { running } = await control(t, { decode: [{ url: configured.url }] })
  const admin = `http://127.0.0.1:${running.adminPort}`
  const post = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ url: added.url, role: 'decode' }),
  }
  assert.equal((await fetch(`${admin}/admin/engines`, post)).status, 202)
  const textAt = async (path: string): Promise<string> => (await fetch(`${admin}${path}`)).text()
  const errors = async (): Promise<number> =>
    (await textAt('/admin/engines')).split('ECONNREFUSED').length - 1
  await until(async () => (await errors()) === 2, 'both have an error')
  const list: unknown = JSON.parse(await textAt('/admin/engines'))
  assert.deepEqual(list, {
    engines: [configured, added].map(({ url, port }) => ({
      url,
      role: 'decode',
      health: 'joining',
      error: `connect ECONNREFUSED 127.0.0.1:${port}`,
    })),
  })
  assert.match(await textAt('/readiness'), /"healthy_workers":0,"total_workers":2/)
  for (const { url } of [configured, added])
    assert.ok(
      (await textAt('/metrics')).includes(
        `pdgw_engine_health{engine="${url}",role="decode",state="joining"} 1`,
      ),
    )
  assert.equal((await fetch(`${admin}/admin/engines/${added.url}`, { method: 'DELETE' })).status, 202)
  assert.match(await textAt('/readiness'), /"total_workers":1/)
})

test('an engine that dies becomes unhealthy, and its properties are read again when it recovers', async t => {
  const engine = await fakeEngine(t, { max_running_requests: 8 })
  const { seen, slots } = await control(t, { decode: [{ url: engine.url }] })
  await until(() => slots.isHealthy(0), 'it is healthy')
  await engine.stop()
  await until(() => slots.health(0) === 'unhealthy', 'it is unhealthy')
  await fakeEngine(t, { max_running_requests: 16 }, engine.port)
  await until(() => slots.isHealthy(0), 'it is healthy again')
  assert.equal(seen.snapshot.engines[0]?.maxRunning, 16)
})

test('a registered engine that is not ready is not healthy', async t => {
  const engine = await fakeEngine(t, {})
  engine.health = 503
  const { seen, slots } = await control(t, { decode: [{ url: engine.url }] })
  await until(() => seen.snapshot.engines.length === 1, 'it is registered')
  assert.equal(slots.health(0), 'unknown')
  engine.health = 200
  await until(() => slots.isHealthy(0), 'it is healthy')
})

test('without probes a registered engine is healthy', async t => {
  const engine = await fakeEngine(t, {})
  engine.health = 500
  const { slots } = await control(t, { decode: [{ url: engine.url }] }, { enabled: false })
  await until(() => slots.isHealthy(0), 'it is healthy')
})
