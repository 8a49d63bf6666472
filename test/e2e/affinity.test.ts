/** Policies that go by a routing key, by the beginning of a prompt or by its length, in front of simulated engines. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { healthyEngines, openGateway } from '../support/gateway.ts'
import { until } from '../support/until.ts'

/** Enough for every engine to get some of them, whatever their ports are. */
const KEYS = Array.from({ length: 40 }, (_, index) => `session-${index}`)

interface Ask {
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: object
}

/** @returns the engines that the response comes from */
async function enginesFor(origin: string, { headers, body }: Ask): Promise<string> {
  const response = await fetch(`${origin}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ messages: [{ role: 'user', content: 'Hello' }], max_tokens: 2, ...body }),
  })
  await response.text()
  assert.equal(response.status, 200)
  return response.headers.get('x-pdgw-engines') ?? ''
}

function askAll(origin: string, asks: readonly Ask[]): Promise<string[]> {
  return Promise.all(asks.map(ask => enginesFor(origin, ask)))
}

/** One for each key, whose prompt begins as the key's do and ends with a number. */
const asksWith = (end: number, change: object): Ask[] =>
  KEYS.map((id, index) => {
    const messages = [{ role: 'user', content: `${`prefix ${index} `.repeat(200)}${end}` }]
    return { body: { messages, conversation: { id }, ...change } }
  })

/** As many requests with prompts of this length. */
const asks = (count: number, chars: number): Ask[] =>
  Array.from({ length: count }, () => ({
    body: { messages: [{ role: 'user', content: 'x'.repeat(chars) }] },
  }))

suite('policies that keep together what belongs together', { concurrency: 3 }, () => {
  test('sends equal keys to one mixed engine, whose keys move while it is dead and come back', async t => {
    const { origin, fleet } = await openGateway(t, {
      fleet: { mixed: 3 },
      config: { policy: { main: 'consistent_hashing', loadMargin: 100 }, server: { routeHeaders: true } },
    })
    const byHeader = KEYS.map(key => ({ headers: { 'X-Session-Id': key } }))
    const byBody = KEYS.map(key => ({ body: { prompt_cache_key: key } }))
    const before = await askAll(origin, byHeader)
    assert.equal(new Set(before).size, 3)
    assert.deepEqual(await askAll(origin, byBody), before)
    assert.equal(
      new Set(
        await askAll(
          origin,
          Array.from({ length: 6 }, () => ({})),
        ),
      ).size,
      3,
    )

    await fleet.mixed[0]?.setHealth('dead')
    await until(async () => (await healthyEngines(origin)) === 2, 'the engine is out')
    const during = await askAll(origin, byHeader)
    const dead = fleet.mixed[0]?.url
    assert.ok(dead !== undefined)
    assert.ok(!during.includes(dead))
    for (const [index, engine] of before.entries()) if (engine !== dead) assert.equal(during[index], engine)
    await fleet.mixed[0]?.setHealth('up')
    await until(async () => (await healthyEngines(origin)) === 3, 'the engine is back')
    assert.deepEqual(await askAll(origin, byHeader), before)
  })

  test('keeps prompts that begin alike on one prefill engine, and keys on one decode engine, on all threads', async t => {
    const { origin } = await openGateway(t, {
      fleet: { prefill: 2, decode: 2 },
      config: {
        policy: { prefill: 'prefix_hash', decode: 'manual', loadMargin: 100, keyFields: ['conversation.id'] },
        server: { routeHeaders: true, workers: 2 },
      },
    })
    const first = await askAll(origin, asksWith(1, {}))
    for (const leg of [0, 1]) assert.equal(new Set(first.map(pair => pair.split(', ')[leg])).size, 2)
    assert.deepEqual(await askAll(origin, asksWith(2, {})), first)
    assert.deepEqual(await askAll(origin, asksWith(3, { n: 2 })), first)
  })

  test('keeps sticky keys where their first request went, under any policy and on all threads', async t => {
    const { origin } = await openGateway(t, {
      fleet: { prefill: 2, decode: 3 },
      config: {
        policy: { main: 'round_robin', sticky: true },
        server: { routeHeaders: true, workers: 2 },
      },
    })
    const asked = KEYS.map(key => ({ headers: { 'X-SMG-Routing-Key': key } }))
    const first = await askAll(origin, asked)
    for (const [leg, count] of [
      [0, 2],
      [1, 3],
    ] as const)
      assert.equal(new Set(first.map(pair => pair.split(', ')[leg])).size, count)
    assert.deepEqual(await askAll(origin, asked.toReversed()), first.toReversed())
    const without = await askAll(
      origin,
      Array.from({ length: 6 }, () => ({})),
    )
    assert.equal(new Set(without.map(pair => pair.split(', ')[1])).size, 3)
  })

  test('divides prompts among the engines by their length', async t => {
    const { origin } = await openGateway(t, {
      fleet: { mixed: 2 },
      config: { policy: { main: 'bucket' }, server: { routeHeaders: true } },
    })
    // Short prompts add up to more than long ones, so one engine gets nothing else.
    await askAll(origin, [...asks(60, 400), ...asks(4, 2000)])
    const long = await askAll(origin, asks(3, 2000))
    assert.equal(new Set(long).size, 1)
    assert.equal(new Set(await askAll(origin, asks(60, 400))).size, 2)
  })
})
