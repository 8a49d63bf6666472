import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configSchema } from '../../../src/config/config.ts'
import { EngineWatch } from '../../../src/control/engine-watch.ts'

test('an engine that does not come up is reported once, with the reason, and tried on', async () => {
  const { engines, health } = configSchema.parse({
    engines: { startupTimeoutSecs: 0.001, startupCheckIntervalSecs: 0.002 },
  })
  const closing = new AbortController()
  const errors: object[] = []
  let tries = 0
  const watch = new EngineWatch({
    // Port 1 of this machine: nobody listens there.
    spec: { url: 'http://127.0.0.1:1', role: 'decode', bootstrapPort: undefined },
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
