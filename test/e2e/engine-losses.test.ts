/** A request that seems to end the engines it is sent to is not sent to one after another. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { openGateway } from '../support/gateway.ts'
import { totalOf } from '../support/metrics.ts'
import { at } from '../support/sse.ts'
import { until } from '../support/until.ts'

const BODY = '{"text":"hello","sampling_params":{"max_new_tokens":2}'
const RESETS = { resetBeforeHeadProb: 1 }

function ask(origin: string, isStream = false): Promise<Response> {
  return fetch(`${origin}/generate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: `${BODY},"stream":${isStream}}`,
  })
}

suite('a request whose connection every engine resets without an answer', () => {
  for (const role of ['prefill', 'decode', 'mixed'] as const)
    for (const isStream of [false, true])
      test(`is sent to two ${role} engines of four, ${isStream ? 'streamed' : 'whole'}`, async t => {
        const pd = { prefill: role === 'prefill' ? 4 : 1, decode: role === 'decode' ? 4 : 1 }
        const counts = role === 'mixed' ? { prefill: 0, decode: 0, mixed: 4 } : pd
        const { origin, fleet } = await openGateway(t, {
          fleet: { ...counts, knobsFor: of => (of === role ? RESETS : {}) },
          config: { retry: { initialBackoffMs: 1, lossHoldMs: 100 } },
        })
        const response = await ask(origin, isStream)
        assert.equal(response.status, 502)
        assert.equal(at(await response.json(), 'error', 'code'), 'engine-unreachable')
        const received = fleet[role].map(({ counters }) => counters.received)
        assert.equal(
          received.reduce((sum, count) => sum + count, 0),
          2,
          received.join(),
        )
      })
})

test('a request that two engines have reset at once is repeated when they go on to serve others', async t => {
  const { origin, adminOrigin, fleet } = await openGateway(t, {
    fleet: { mixed: 3, knobs: RESETS },
    config: { policy: { main: 'round_robin' }, retry: { initialBackoffMs: 1, lossHoldMs: 60_000 } },
  })
  const lost = ask(origin)
  const failures = (): Promise<number> => totalOf(adminOrigin, 'pdgw_router_attempt_failures_total')
  await until(async () => (await failures()) === 2, 'two engines have reset the request')
  for (const { knobs } of fleet.mixed) knobs.resetBeforeHeadProb = 0
  // One for each engine, so that those that were lost are among them.
  for (let count = 0; count < 3; count++) assert.equal((await ask(origin)).status, 200)
  assert.equal((await lost).status, 200)
  assert.equal(await failures(), 2)
})
