import assert from 'node:assert/strict'
import { Socket } from 'node:net'
import { test } from 'node:test'
import { configSchema } from '../../../src/config/config.ts'
import { EngineMonitor } from '../../../src/control/monitor/engine-monitor.ts'
import { SILENT } from '../../support/frontend.ts'

/** An engine at port 1 of this machine, where nothing listens. */
const ABSENT = {
  url: 'http://127.0.0.1:1',
  role: 'decode',
  bootstrapPort: undefined,
  apiKey: undefined,
} as const

test('an engine that does not start is logged once as an error, with its cause, and tried again', async () => {
  const { engines, health } = configSchema.parse({
    engines: { startupTimeoutSecs: 0.001, startupCheckIntervalSecs: 0.002 },
  })
  const closing = new AbortController()
  const errors: object[] = []
  let tries = 0
  const monitor = new EngineMonitor({
    spec: ABSENT,
    lastHealth: 'unknown',
    served: () => 0,
    isOwn: async () => false,
    engines,
    health,
    signal: closing.signal,
    log: {
      isDebug: false,
      debug: () => {
        if (++tries === 5) closing.abort()
      },
      info: () => undefined,
      warn: () => undefined,
      error: fields => void errors.push(fields),
    },
    onInfo: () => assert.fail('the engine is not up'),
    onHealth: () => assert.fail('the engine is not up'),
    onLost: () => assert.fail('the engine was never there'),
  })
  await monitor.run()
  assert.equal(tries, 5)
  assert.equal(errors.length, 1)
  assert.match(JSON.stringify(errors[0]), /ECONNREFUSED/)
})

test('probes that fail for lack of local file descriptors do not change the health of an engine', async t => {
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
  const monitor = new EngineMonitor({
    spec: ABSENT,
    lastHealth: 'healthy',
    served: () => 0,
    isOwn: async () => false,
    engines,
    health,
    signal: closing.signal,
    log: SILENT,
    onInfo: () => assert.fail('no info was requested'),
    onHealth: name => assert.fail(`the engine is ${name}`),
    onLost: () => assert.fail('no probe has reached it'),
  })
  await monitor.run()
  assert.equal(probes, 5)
})
