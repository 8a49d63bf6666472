/** How decode engines are chosen, in front of simulated ones: by the KV cache that requests take, and if wanted by what is there. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openGateway } from '../support/gateway.ts'
import { totalOf } from '../support/metrics.ts'
import { until } from '../support/until.ts'

const LONG_CHARS = 40_000
const SHORT_CHARS = 400

/** Begins a stream that runs until the client leaves. @returns the route of the request. */
async function begin(origin: string, chars: number, signal: AbortSignal): Promise<string> {
  const response = await fetch(`${origin}/generate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      text: 'word '.repeat(chars / 5),
      sampling_params: { max_new_tokens: 10_000, ignore_eos: true },
      stream: true,
    }),
    signal,
  })
  assert.equal(response.status, 200)
  await response.body?.getReader().read()
  return response.headers.get('x-pdgw-engines') ?? ''
}

function decodeOf(engines: string): string {
  return engines.split(',').at(-1) ?? ''
}

test('a decode engine that holds a long prompt gets no short ones until the other holds as much', async t => {
  const { origin, adminOrigin } = await openGateway(t, {
    fleet: { prefill: 1, decode: 2 },
    config: { policy: { main: 'cache_aware' }, server: { routeHeaders: true } },
  })
  const client = new AbortController()
  t.after(() => client.abort())
  const long = decodeOf(await begin(origin, LONG_CHARS, client.signal))
  for (let turn = 0; turn < 5; turn++)
    assert.notEqual(decodeOf(await begin(origin, SHORT_CHARS, client.signal)), long)

  client.abort()
  await until(
    async () => (await totalOf(adminOrigin, 'pdgw_engine_in_flight')) === 0,
    'all streams have ended',
  )

  // Nothing is left of them: equal engines have their turns.
  const again = new AbortController()
  t.after(() => again.abort())
  const decodes = [
    decodeOf(await begin(origin, SHORT_CHARS, again.signal)),
    decodeOf(await begin(origin, SHORT_CHARS, again.signal)),
  ]
  assert.notEqual(decodes[0], decodes[1])
})

test('with cache_aware for decode, a conversation stays on the decode engine that has it', async t => {
  const { origin } = await openGateway(t, {
    fleet: { prefill: 1, decode: 3 },
    config: { policy: { decode: 'cache_aware' }, server: { routeHeaders: true } },
  })
  const decodes: string[] = []
  for (let turn = 1; turn <= 6; turn++) {
    const response = await fetch(`${origin}/generate`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text: 'turn '.repeat(200 * turn), sampling_params: { max_new_tokens: 2 } }),
    })
    assert.equal(response.status, 200, await response.text())
    const reason = turn === 1 ? 'load' : 'cached'
    assert.match(response.headers.get('x-pdgw-route') ?? '', new RegExp(`decode;reason=${reason}`))
    decodes.push(decodeOf(response.headers.get('x-pdgw-engines') ?? ''))
  }
  assert.equal(new Set(decodes).size, 1)
})
