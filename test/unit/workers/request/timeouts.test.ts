import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configSchema } from '../../../../src/config/config.ts'
import { readTimeouts } from '../../../../workers/request/timeouts.ts'

const { timeouts } = configSchema.parse({
  timeouts: {
    firstTokenMs: 1000,
    idleMs: 2000,
    totalSecs: 30,
    maxFirstTokenMs: 5000,
    maxIdleMs: 500,
    maxTotalSecs: 60,
  },
})
const CONFIGURED = { firstTokenMs: 1000, idleMs: 2000, totalMs: 30_000 }

test('without timeout headers the configured timeouts apply and all headers are kept', () => {
  const headers = ['authorization', 'Bearer x', 'x-request-id', '1']
  assert.deepEqual(readTimeouts(headers, timeouts), { timeouts: CONFIGURED, headers })
})

const CHANGES = [
  ['x-first-token-timeout-ms', '50', { ...CONFIGURED, firstTokenMs: 50 }],
  ['x-first-token-timeout-ms', '4000', { ...CONFIGURED, firstTokenMs: 4000 }],
  ['x-first-token-timeout-ms', '9000', { ...CONFIGURED, firstTokenMs: 5000 }],
  ['x-idle-timeout-ms', '100', { ...CONFIGURED, idleMs: 100 }],
  // A maximum below the configured timeout does not reduce it.
  ['x-idle-timeout-ms', '9000', { ...CONFIGURED, idleMs: 2000 }],
  ['x-request-timeout-secs', '0.5', { ...CONFIGURED, totalMs: 500 }],
  ['x-request-timeout-secs', '600', { ...CONFIGURED, totalMs: 60_000 }],
] as const

for (const [name, value, changed] of CHANGES) {
  test(`${name}: ${value} changes one timeout, up to its maximum, and is not passed on`, () => {
    assert.deepEqual(readTimeouts(['a', 'b', name, value], timeouts), {
      timeouts: changed,
      headers: ['a', 'b'],
    })
  })
}

for (const value of ['', '0', '-1', 'soon', '1e9', 'Infinity', '10 s']) {
  test(`a timeout of "${value}" is rejected`, () => {
    assert.throws(() => readTimeouts(['x-idle-timeout-ms', value], timeouts), {
      code: 'invalid-request',
      status: 400,
    })
  })
}
