/** When every attempt fails, retries add little load to the engines. A retry beyond the budget fails at once. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openGateway } from '../support/gateway.ts'

const REQUESTS = 300
const SHARE = 0.2
const FLOOR_PER_SEC = 2
/** Window of the retry budget, which slides by half a second. */
const WINDOW_SECS = 10.5

test('the retry budget limits the load of engines while all attempts fail, over two threads', async t => {
  const { origin, fleet } = await openGateway(t, {
    fleet: { prefill: 2, decode: 2, knobsFor: role => (role === 'decode' ? { errorStatusProb: 1 } : {}) },
    config: {
      server: { workers: 2 },
      retry: {
        maxRetries: 3,
        initialBackoffMs: 1,
        maxBackoffMs: 2,
        budgetShare: SHARE,
        budgetFloorPerSec: FLOOR_PER_SEC,
      },
      breaker: { enabled: false },
    },
  })
  const startMs = performance.now()
  const requests = Array.from({ length: REQUESTS }, () =>
    fetch(`${origin}/generate`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"text":"hello","sampling_params":{"max_new_tokens":2}}',
    }).then(response => response.status),
  )
  const statuses = await Promise.all(requests)
  const secs = (performance.now() - startMs) / 1000
  assert.ok(
    statuses.every(status => status === 500),
    [...new Set(statuses)].join(' '),
  )
  const attempts = fleet.decode.reduce((sum, engine) => sum + engine.counters.received, 0)
  t.diagnostic(`${attempts} attempts for ${REQUESTS} requests in ${secs.toFixed(1)} s`)
  const windows = Math.ceil(secs / WINDOW_SECS)
  const maxAttempts = REQUESTS * (1 + SHARE) + windows * FLOOR_PER_SEC * WINDOW_SECS + 2
  assert.ok(attempts <= maxAttempts, `${attempts} attempts, at most ${maxAttempts} are allowed`)
  // Without the budget each request would be tried four times; with it, some are still retried.
  assert.ok(attempts > REQUESTS * 1.1, `${attempts} attempts`)
})
