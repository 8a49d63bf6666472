import assert from 'node:assert/strict'
import { Socket } from 'node:net'
import { test } from 'node:test'
import { configSchema } from '../../../src/config/config.ts'
import { EngineMonitor } from '../../../src/control/engine-monitor.ts'
import { SILENT } from '../../support/frontend.ts'

/** Port 1 of this machine: nobody listens there. */
const NOBODY = { url: 'http://127.0.0.1:1', role: 'decode', bootstrapPort: undefined } as const

test('an engine that does not come up is reported once, with the reason, and tried on', async () => {
  const { engines, health } = configSchema.parse({
    engines: { startupTimeoutSecs: 0.001, startupCheckIntervalSecs: 0.002 },
  })
  const closing = new AbortController()
  const errors: object[] = []
  let tries = 0
  const watch = new EngineMonitor({
    spec: NOBODY,
    lastHealth: 'unknown',
    engines,
    health,
    signal: closing.signal,
    log: {
      debug: () => {
        if (++tries === 5) closing.abort()
      },
      info: () => undefined,
      warn: () => undefined,
      error: fields => void errors.push(fields),
    },
    onInfo: () => assert.fail('it is not up'),
    onHealth: () => assert.fail('it is not up'),
  })
  await watch.run()
  assert.equal(tries, 5)
  assert.equal(errors.length, 1)
  assert.match(JSON.stringify(errors[0]), /ECONNREFUSED/)
})

test('probes that find no descriptor of ours say nothing of the engine', async t => {
  const { engines, health } = configSchema.parse({
    health: { intervalSecs: 0.001, failureThreshold: 1 },
  })
  const closing = new AbortController()
  let probes = 0
  t.mock.method(Socket.prototype, 'connect', function connect(this: Socket) {
    if (++probes === 5) closing.abort()
    const error = Object.assign(new Error('connect EMFILE'), { code: 'EMFILE' })
    process.nextTick(() => this.destroy(error))
    return this
  })
  const watch = new EngineMonitor({
    spec: NOBODY,
    lastHealth: 'healthy',
    engines,
    health,
    signal: closing.signal,
    log: SILENT,
    onInfo: () => assert.fail('nothing was asked'),
    onHealth: name => assert.fail(`the engine is ${name}`),
  })
  await watch.run()
  assert.equal(probes, 5)
})
