/** Engines with data-parallel ranks: each rank gets requests as an engine of its own would. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { SimEngine } from '../../src/simulator/engine.ts'
import { openGateway } from '../support/gateway.ts'
import { at } from '../support/sse.ts'
import { until } from '../support/until.ts'

function post(origin: string, path: string, body: object, signal?: AbortSignal): Promise<Response> {
  const headers = { 'content-type': 'application/json' }
  return fetch(`${origin}${path}`, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
    ...(signal && { signal }),
  })
}

/** How many requests each rank of the engine holds. */
function loadOf({ schedulers }: SimEngine): number[] {
  return schedulers.map(scheduler => scheduler.load()).map(({ running, waiting }) => running + waiting)
}

function bodiesOf({ received }: SimEngine): unknown[] {
  return received.map(({ body }) => JSON.parse(body.toString()))
}

function valuesOf(engine: SimEngine, field: string): Set<unknown> {
  return new Set(bodiesOf(engine).map(body => at(body, field)))
}

suite('ranks', { concurrency: 2 }, () => {
  test('of mixed engines get the same load as an engine without ranks', async t => {
    const { origin, adminOrigin, fleet } = await openGateway(t, {
      fleet: {
        mixed: 2,
        knobs: { itlBaseMs: 60_000, recordBodies: 20 },
        knobsFor: (_, index) => ({ dpSize: index === 0 ? 3 : 1 }),
      },
    })
    const stop = new AbortController()
    t.after(() => stop.abort())
    const [ranked, plain] = fleet.mixed
    assert.ok(ranked && plain)
    const streams = Array.from({ length: 8 }, () =>
      post(origin, '/generate', { text: 'x', stream: true }, stop.signal).catch(() => undefined),
    )
    await until(
      () =>
        loadOf(ranked)
          .concat(loadOf(plain))
          .every(held => held === 2),
      'each has two',
    )
    const { engines } = JSON.parse(await (await fetch(`${adminOrigin}/admin/engines`)).text())
    assert.deepEqual(
      engines.map((engine: object) => [at(engine, 'inFlight'), at(engine, 'inFlightByRank')]),
      [
        [6, [2, 2, 2]],
        [2, undefined],
      ],
    )
    for (const body of bodiesOf(plain)) assert.equal(at(body, 'routed_dp_rank'), undefined)
    stop.abort()
    await Promise.all(streams)
  })

  test('of a pair keep their prefixes, and no room is refused', async t => {
    const { origin, fleet } = await openGateway(t, {
      fleet: {
        prefill: 1,
        decode: 1,
        knobs: { dpSize: 2, prefixCache: true, pageSize: 16, recordBodies: 100 },
      },
      config: { policy: { main: 'cache_aware' }, retry: { maxRetries: 0 } },
    })
    const [prefill] = fleet.prefill
    const [decode] = fleet.decode
    assert.ok(prefill && decode)
    const groups = [...Array(8).keys()].map(group => `Group ${group} has one system prompt. `.repeat(100))
    const cachedIn = async (turn: number): Promise<number[]> => {
      const shares: number[] = []
      for (const text of groups) {
        const body = { text: `${text} ${turn}`, sampling_params: { max_new_tokens: 2 } }
        const response = await post(origin, '/generate', body)
        assert.equal(response.status, 200)
        const meta = at(await response.json(), 'meta_info')
        shares.push(Number(at(meta, 'cached_tokens')) / Number(at(meta, 'prompt_tokens')))
      }
      return shares
    }
    const first = await cachedIn(0)
    const second = await cachedIn(1)
    assert.ok(Math.max(...first) < 0.1, `nothing is cached at first: ${first.join()}`)
    assert.ok(Math.min(...second) > 0.9, `all prefixes are on the rank that is chosen: ${second.join()}`)
    assert.deepEqual(valuesOf(prefill, 'routed_dp_rank'), new Set([0, 1]), 'both ranks of prefill are used')
    assert.deepEqual(valuesOf(decode, 'routed_dp_rank'), new Set([0, 1]), 'both ranks of decode are used')
    assert.deepEqual(valuesOf(decode, 'disagg_prefill_dp_rank'), new Set([0, 1]))
  })

  test('are left to the engine if that is configured', async t => {
    const { origin, fleet } = await openGateway(t, {
      fleet: { mixed: 1, knobs: { dpSize: 2, recordBodies: 5 } },
      engines: { dataParallelRanks: 'off' },
    })
    const seen: unknown[] = []
    for (const text of ['a', 'b']) {
      const response = await post(origin, '/generate', { text, sampling_params: { max_new_tokens: 1 } })
      seen.push(at(await response.json(), 'meta_info', 'dp_rank'))
    }
    assert.deepEqual(seen, [0, 1])
    const [engine] = fleet.mixed
    assert.ok(engine)
    for (const body of bodiesOf(engine)) assert.equal(at(body, 'routed_dp_rank'), undefined)
  })
})
