/** More requests at once than the engines run: all are served, and no engine ever gets more than its limit. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openGateway, runningOn, type TestGateway } from '../../support/gateway.ts'
import { until } from '../../support/until.ts'

const WINDOW = 10
const BURST = 64
const JSON_TYPE = { 'content-type': 'application/json' }

/** The highest number of requests that one engine has held so far. */
function peakOf({ fleet }: TestGateway): number {
  return Math.max(...[...fleet.prefill, ...fleet.decode].map(({ counters }) => counters.peakRunning))
}

async function generate(origin: string, text: string): Promise<number> {
  const body = JSON.stringify({ text, sampling_params: { max_new_tokens: 8 } })
  const response = await fetch(`${origin}/generate`, { method: 'POST', headers: JSON_TYPE, body })
  await response.arrayBuffer()
  return response.status
}

for (const workers of [1, 3])
  test(`a burst of ${BURST} requests to engines that run ${WINDOW} is served, with ${workers} threads`, async t => {
    // A leg that waited for a partner without room would wait for good. Both legs of a pair arrive together, but on a busy
    // machine not within milliseconds.
    const knobs = { maxRunning: WINDOW, bootstrapTimeoutMs: 5000, waitingTimeoutMs: 5000, itlBaseMs: 5 }
    const gateway = await openGateway(t, {
      fleet: { prefill: 1, decode: 1, knobs },
      config: { server: { workers }, retry: { maxRetries: 0 } },
    })
    const statuses = await Promise.all(
      Array.from({ length: BURST }, (_, index) => generate(gateway.origin, `p ${index}`)),
    )
    assert.deepEqual(new Set(statuses), new Set([200]))
    assert.equal(peakOf(gateway), WINDOW)
    for (const engine of [...gateway.fleet.prefill, ...gateway.fleet.decode])
      assert.equal(engine.counters.failed, 0)
    await until(() => runningOn(gateway.fleet) === 0)
  })

test('a batch counts each of its prompts, and one that exceeds the limit of an engine runs alone', async t => {
  const gateway = await openGateway(t, {
    fleet: { prefill: 1, decode: 1, knobs: { maxRunning: 4, itlBaseMs: 5 } },
  })
  const batchOf = async (count: number): Promise<number> => {
    const text = Array.from({ length: count }, (_, index) => `prompt ${index}`)
    const body = JSON.stringify({ text, sampling_params: { max_new_tokens: 4 } })
    const response = await fetch(`${gateway.origin}/generate`, { method: 'POST', headers: JSON_TYPE, body })
    await response.arrayBuffer()
    return response.status
  }
  assert.deepEqual(await Promise.all([batchOf(2), batchOf(3), batchOf(2), batchOf(3)]), [200, 200, 200, 200])
  assert.ok(peakOf(gateway) <= 4, `an engine held ${peakOf(gateway)} prompts`)
  assert.deepEqual(await Promise.all([batchOf(7), batchOf(1)]), [200, 200])
})
