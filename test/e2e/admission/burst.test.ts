/** More requests at once than the engines take: all are answered, and no engine is ever given more than it takes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type GatewayHouse, openGateway, runningOn } from '../../support/gateway.ts'
import { until } from '../../support/until.ts'

const WINDOW = 10
const BURST = 64
const JSON_TYPE = { 'content-type': 'application/json' }

/** The most requests that one engine has held so far. */
function peakOf({ fleet }: GatewayHouse): number {
  return Math.max(...[...fleet.prefill, ...fleet.decode].map(({ counters }) => counters.peakRunning))
}

async function generate(origin: string, text: string): Promise<number> {
  const body = JSON.stringify({ text, sampling_params: { max_new_tokens: 8 } })
  const response = await fetch(`${origin}/generate`, { method: 'POST', headers: JSON_TYPE, body })
  await response.arrayBuffer()
  return response.status
}

for (const workers of [1, 3])
  test(`a burst of ${BURST} on a window of ${WINDOW}, ${workers} threads: ${BURST} answers, none ahead of its turn`, async t => {
    const knobs = { maxRunning: WINDOW, bootstrapTimeoutMs: 400, waitingTimeoutMs: 400, itlBaseMs: 5 }
    const house = await openGateway(t, {
      fleet: { prefill: 1, decode: 1, knobs },
      config: { server: { workers }, retry: { maxRetries: 0 } },
    })
    const statuses = await Promise.all(
      Array.from({ length: BURST }, (_, at) => generate(house.origin, `p ${at}`)),
    )
    assert.deepEqual(new Set(statuses), new Set([200]))
    assert.equal(peakOf(house), WINDOW)
    for (const engine of [...house.fleet.prefill, ...house.fleet.decode])
      assert.equal(engine.counters.failed, 0)
    await until(() => runningOn(house.fleet) === 0)
  })

test('a batch counts each of its prompts, and one that is larger than an engine goes alone', async t => {
  const house = await openGateway(t, {
    fleet: { prefill: 1, decode: 1, knobs: { maxRunning: 4, itlBaseMs: 5 } },
  })
  const batchOf = async (count: number): Promise<number> => {
    const text = Array.from({ length: count }, (_, at) => `prompt ${at}`)
    const body = JSON.stringify({ text, sampling_params: { max_new_tokens: 4 } })
    const response = await fetch(`${house.origin}/generate`, { method: 'POST', headers: JSON_TYPE, body })
    await response.arrayBuffer()
    return response.status
  }
  assert.deepEqual(await Promise.all([batchOf(2), batchOf(3), batchOf(2), batchOf(3)]), [200, 200, 200, 200])
  assert.ok(peakOf(house) <= 4, `an engine held ${peakOf(house)} prompts`)
  assert.deepEqual(await Promise.all([batchOf(7), batchOf(1)]), [200, 200])
})
