/** The response headers that name the engines and the attempts, if the operator wants them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openGateway } from '../support/gateway.ts'

const TEXT = { model: 'sim', prompt: 'Once', max_tokens: 3 }

function post(origin: string, body: object): Promise<Response> {
  return fetch(`${origin}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

test('responses name their engines and the number of attempts, whole, streamed and failed', async t => {
  const { origin, fleet } = await openGateway(t, {
    fleet: { prefill: 1, decode: 1 },
    config: {
      server: { routeHeaders: true },
      retry: { maxRetries: 2, initialBackoffMs: 1, maxBackoffMs: 1 },
    },
  })
  const urls = [...fleet.prefill, ...fleet.decode].map(({ url }) => url).join(', ')
  for (const stream of [false, true]) {
    const { headers } = await post(origin, { ...TEXT, stream })
    assert.deepEqual([headers.get('x-pdgw-engines'), headers.get('x-pdgw-attempts')], [urls, '1'])
    assert.equal(headers.get('x-pdgw-route'), 'prefill;reason=only, decode;reason=only')
  }
  const samples = await post(origin, { ...TEXT, n: 3 })
  assert.deepEqual(
    [samples.headers.get('x-pdgw-engines'), samples.headers.get('x-pdgw-attempts')],
    [urls, '3'],
  )
  for (const { knobs } of fleet.decode) knobs.errorStatusProb = 1
  const failed = await post(origin, TEXT)
  assert.equal(failed.status, 500)
  assert.deepEqual([failed.headers.get('x-pdgw-engines'), failed.headers.get('x-pdgw-attempts')], [urls, '3'])
})

test('responses name the data-parallel ranks that were chosen or pinned', async t => {
  const { origin } = await openGateway(t, {
    fleet: { prefill: 1, decode: 1, knobsFor: role => ({ dpSize: role === 'prefill' ? 3 : 2 }) },
    config: { policy: { main: 'round_robin' }, server: { routeHeaders: true } },
  })
  const routeOf = async (pins: object): Promise<string | null> =>
    (await post(origin, { ...TEXT, ...pins })).headers.get('x-pdgw-route')
  const routes = [await routeOf({}), await routeOf({}), await routeOf({})]
  const chosen = routes.map(route =>
    /^prefill;rank=(\d);reason=turn, decode;rank=(\d);reason=turn$/.exec(route ?? '')?.slice(1),
  )
  assert.deepEqual(new Set(chosen.map(ranks => ranks?.[0])), new Set(['0', '1', '2']))
  assert.deepEqual(new Set(chosen.map(ranks => ranks?.[1])), new Set(['0', '1']))
  assert.equal(
    await routeOf({ disagg_prefill_dp_rank: 2, routed_dp_rank: 1 }),
    'prefill;rank=2;reason=only, decode;rank=1;reason=only',
  )
})

test('responses name no rank where the engine chooses it', async t => {
  const { origin } = await openGateway(t, {
    fleet: { mixed: 1, knobs: { dpSize: 2 } },
    engines: { dataParallelRanks: 'off' },
    config: { server: { routeHeaders: true } },
  })
  const { headers } = await post(origin, TEXT)
  assert.equal(headers.get('x-pdgw-route'), 'mixed;reason=only')
})

test('by default no response names an engine', async t => {
  const { origin } = await openGateway(t, { fleet: { prefill: 1, decode: 1 } })
  for (const stream of [false, true]) {
    const { headers } = await post(origin, { ...TEXT, stream })
    for (const name of ['x-pdgw-engines', 'x-pdgw-attempts', 'x-pdgw-route'])
      assert.equal(headers.get(name), null)
  }
})
