/** The port of another process is not shared, although our own listeners share theirs. */
import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { configSchema } from '../../../src/config/config.ts'
import { startFrontend } from '../../../src/frontend/server.ts'
import { createSharedMemory } from '../../../src/shared/layout.ts'
import { Recorder } from '../../../src/telemetry/recorder.ts'
import { openFrontend, SILENT } from '../../support/frontend.ts'
import { listen } from '../../support/listen.ts'

function listenOn(port: number): Promise<unknown> {
  return startFrontend({
    config: configSchema.parse({ server: { host: '127.0.0.1', port } }),
    assign: () => undefined,
    readiness: () => ({ isReady: true, healthyEngines: 0, totalEngines: 0 }),
    log: SILENT,
    recorder: new Recorder(createSharedMemory(2, 1), 0),
  })
}

test('does not start on the port of another program, and names the port', async t => {
  const other = createServer()
  t.after(() => other.close())
  const port = await listen(other)
  await assert.rejects(
    listenOn(port),
    new RegExp(`--port.*EADDRINUSE: address already in use 127.0.0.1:${port}`),
  )
})

test('does not share the port of another gateway, which keeps working', async t => {
  const { origin, frontend } = await openFrontend(t)
  await assert.rejects(listenOn(frontend.port), /EADDRINUSE/)
  assert.equal(await (await fetch(`${origin}/health`)).text(), 'OK')
})
