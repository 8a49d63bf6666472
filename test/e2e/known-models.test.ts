/** The list of models while an engine hangs. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { configSchema } from '../../src/config/config.ts'
import { startGateway } from '../../src/gateway.ts'
import { listen } from '../support/listen.ts'
import { at } from '../support/sse.ts'

const MODELS = { object: 'list', data: [{ id: 'org/llama', object: 'model', owned_by: 'engine' }] }

test('models are listed from what is known while an engine hangs', async t => {
  let hangs = false
  const engine = createServer((request, response) => {
    if (hangs) return
    const body = request.url === '/v1/models' ? MODELS : { served_model_name: 'org/llama' }
    response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
  })
  const url = `http://127.0.0.1:${await listen(engine)}`
  t.after(() => {
    engine.close()
    engine.closeAllConnections()
  })
  const gateway = await startGateway(
    configSchema.parse({
      log: { level: 'error' },
      server: { host: '127.0.0.1', port: 0, workers: 1 },
      admin: { port: 0 },
      // No probe finds out that the engine hangs.
      health: { intervalSecs: 3600 },
      engines: { mode: 'mixed', mixed: [{ url }] },
    }),
  )
  t.after(() => gateway.close())
  assert.ok(await gateway.whenReady(30_000))
  const origin = `http://127.0.0.1:${gateway.port}`
  const ask = async (path: string, method = 'GET'): Promise<readonly [status: number, body: unknown]> => {
    const response = await fetch(origin + path, { method })
    const text = await response.text()
    return [response.status, text === '' ? undefined : JSON.parse(text)]
  }
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
