/** A request that seems to end the engines it is sent to is not sent to one after another. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { openGateway } from '../support/gateway.ts'
import { at } from '../support/sse.ts'

const BODY = '{"text":"hello","sampling_params":{"max_new_tokens":2}'
const RESETS = { resetBeforeHeadProb: 1 }

suite('a request whose connection every engine resets without an answer', () => {
  for (const role of ['prefill', 'decode', 'mixed'] as const)
    for (const isStream of [false, true])
      test(`is sent to two ${role} engines of four, ${isStream ? 'streamed' : 'whole'}`, async t => {
        const pd = { prefill: role === 'prefill' ? 4 : 1, decode: role === 'decode' ? 4 : 1 }
        const counts = role === 'mixed' ? { prefill: 0, decode: 0, mixed: 4 } : pd
        const { origin, fleet } = await openGateway(t, {
          fleet: { ...counts, knobsFor: of => (of === role ? RESETS : {}) },
          config: { retry: { initialBackoffMs: 1 } },
        })
        const response = await fetch(`${origin}/generate`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: `${BODY},"stream":${isStream}}`,
        })
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
