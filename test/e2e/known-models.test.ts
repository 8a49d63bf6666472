/** Questions about models while engines hang. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { type TestContext, test } from 'node:test'
import { configSchema } from '../../src/config/config.ts'
import { startGateway } from '../../src/gateway.ts'
import { listen } from '../support/listen.ts'
import { at } from '../support/sse.ts'
import { until } from '../support/until.ts'

const MODELS = { object: 'list', data: [{ id: 'org/llama', object: 'model', owned_by: 'engine' }] }

type Ask = (path: string, method?: string) => Promise<readonly [status: number, body: unknown]>

/** A gateway for mixed engines, whose probes do not find out that they hang. */
async function openGateway(t: TestContext, urls: readonly string[]): Promise<Ask> {
  const gateway = await startGateway(
    configSchema.parse({
      log: { level: 'error' },
      server: { host: '127.0.0.1', port: 0, workers: 1 },
      admin: { port: 0 },
      health: { intervalSecs: 3600 },
      engines: { mode: 'mixed', mixed: urls.map(url => ({ url })) },
    }),
  )
  t.after(() => gateway.close())
  assert.ok(await gateway.whenReady(30_000))
  return async (path, method = 'GET') => {
    const response = await fetch(`http://127.0.0.1:${gateway.port}${path}`, { method })
    const text = await response.text()
    return [response.status, text === '' ? undefined : JSON.parse(text)]
  }
}

async function openEngine(t: TestContext, hangs: () => boolean): Promise<string> {
  const engine = createServer((request, response) => {
    if (hangs()) return
    const body = request.url === '/v1/models' ? MODELS : { served_model_name: 'org/llama' }
    response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
  })
  t.after(() => {
    engine.close()
    engine.closeAllConnections()
  })
  return `http://127.0.0.1:${await listen(engine)}`
}

test('models are listed from what is known while an engine hangs', async t => {
  let hangs = false
  const ask = await openGateway(t, [await openEngine(t, () => hangs)])
  assert.deepEqual(await ask('/v1/models'), [200, MODELS])
  hangs = true
  const startMs = performance.now()
  const [status, list] = await ask('/v1/models')
  assert.ok(performance.now() - startMs < 9000, 'earlier than the 10 s that other questions may take')
  assert.equal(status, 200)
  assert.deepEqual(
    [at(list, 'data', 0, 'id'), at(list, 'data', 0, 'object'), at(list, 'data', 1)],
    ['org/llama', 'model', undefined],
  )
  assert.equal(at((await ask('/v1/models/org/llama'))[1], 'id'), 'org/llama')
  assert.equal((await ask('/v1/models/other'))[0], 404)
  assert.deepEqual(await ask('/v1/models', 'HEAD'), [200, undefined])
})

test('a question that any engine can answer waits for no more than one that hangs', async t => {
  let hangs = false
  const urls = [
    ...(await Promise.all(Array.from({ length: 11 }, () => openEngine(t, () => hangs)))),
    await openEngine(t, () => false),
  ]
  const ask = await openGateway(t, urls)
  const readiness = async (): Promise<unknown> => at((await ask('/readiness'))[1], 'healthy_workers')
  await until(async () => (await readiness()) === urls.length, 'all are healthy')
  hangs = true
  const startMs = performance.now()
  assert.deepEqual(await ask('/model_info'), [200, { served_model_name: 'org/llama' }])
  assert.ok(performance.now() - startMs < 9000, 'earlier than 11 engines in turn')
})
