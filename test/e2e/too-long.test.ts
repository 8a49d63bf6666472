/** A prompt that is too long for the prefill engine alone, which responds with status 200 and reads one token instead. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { openGateway, runningOn } from '../support/gateway.ts'
import { postTo } from '../support/read-body.ts'
import { at } from '../support/sse.ts'
import { until } from '../support/until.ts'

const LIMIT = 16
const { origin, adminOrigin, fleet } = await openGateway(
  { after },
  {
    fleet: {
      prefill: 1,
      decode: 1,
      knobsFor: role => (role === 'prefill' ? { maxReqInputLen: LIMIT, garbageOnLenMismatch: true } : {}),
    },
  },
)
const LONG = 'word '.repeat(10 * LIMIT)
const ENDLESS = 100_000

async function post(path: string, body: object): Promise<{ status: number; text: string }> {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${origin}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
  return { status: response.status, text: await response.text() }
}

function ids(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1)
}

test('is refused with 400 at the first attempt, and no engine is charged', async () => {
  const [decode] = fleet.decode
  assert.ok(decode)
  for (let request = 0; request < 15; request++) {
    const { status, text } = await post('/generate', { text: LONG, sampling_params: { max_new_tokens: 4 } })
    assert.equal(status, 400, text)
    assert.match(text, /too long for the prefill engine/)
  }
  const completion = await post('/v1/completions', { model: 'sim', prompt: [LONG, LONG], max_tokens: 4 })
  assert.equal(completion.status, 400, completion.text)
  const metrics = await (await fetch(`${adminOrigin}/metrics`)).text()
  assert.doesNotMatch(metrics, /^pdgw_engine_breaker_transitions_total\{.*\} [1-9]/m)
  assert.doesNotMatch(metrics, /^pdgw_router_retries_total.* [1-9]/m)
  assert.ok(decode.counters.received <= 17, `${decode.counters.received} attempts`)
  assert.equal((await post('/generate', { text: 'short' })).status, 200)
})

test('breaks off a stream that has begun', async () => {
  const body = { text: LONG, sampling_params: { max_new_tokens: ENDLESS }, stream: true }
  const headers = { 'content-type': 'application/json' }
  const response = await postTo(`${origin}/generate`, headers, JSON.stringify(body))
  const { text, isComplete } = await response.body
  assert.match(text, /too long for the prefill engine/)
  assert.ok(!isComplete)
  await until(() => runningOn(fleet) === 0)
})

const TOKENS = 200
const USAGE = { stream_options: { include_usage: true } }
for (const [path, body] of [
  ['/v1/chat/completions', { messages: [{ role: 'user', content: LONG }], max_tokens: TOKENS, ...USAGE }],
  ['/v1/completions', { prompt: LONG, max_tokens: TOKENS, ...USAGE }],
  ['/v1/responses', { input: LONG, max_output_tokens: TOKENS }],
  ['/v1/messages', { messages: [{ role: 'user', content: LONG }], max_tokens: TOKENS }],
] as const)
  test(`gives no stream of ${path} a clean end, as soon as its length is known`, async () => {
    const headers = { 'content-type': 'application/json' }
    const request = JSON.stringify({ model: 'sim', stream: true, ...body })
    const response = await postTo(`${origin}${path}`, headers, request)
    const { text, isComplete } = await response.body
    assert.match(text, /too long for the prefill engine/)
    assert.doesNotMatch(text, /\[DONE\]|response\.(?:completed|incomplete)|message_stop/)
    // A thread that was stopped for long may read all of the stream at once.
    assert.ok(response.status === 400 || !isComplete)
    await until(() => runningOn(fleet) === 0)
  })

test('is refused before an engine sees it if its ids are as many as the limit', async () => {
  const received = fleet.decode[0]?.counters.received
  const { status, text } = await post('/generate', { input_ids: ids(LIMIT) })
  assert.equal(status, 400)
  assert.match(
    String(at(JSON.parse(text), 'error', 'message')),
    /has 16 tokens, but the engines accept fewer than 16/,
  )
  assert.equal(fleet.decode[0]?.counters.received, received)
  assert.equal((await post('/generate', { input_ids: ids(LIMIT - 1) })).status, 200)
})
