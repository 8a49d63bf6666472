/**
 * What a client gets for a request that it aborts by rid before there is a token: what a single engine would answer, and
 * no error, which client libraries would repeat.
 */
import assert from 'node:assert/strict'
import { after, suite, test } from 'node:test'
import { openGateway, runningOn, type TestGateway } from '../support/gateway.ts'
import { at, parseStream } from '../support/sse.ts'
import { until } from '../support/until.ts'

/** An output that begins nevertheless, because the machine is slow, does not end by itself. */
const ENDLESS = 100_000
const CHAT = { model: 'sim', messages: [{ role: 'user', content: 'x' }], max_tokens: ENDLESS }
const GENERATE = { text: 'x', sampling_params: { max_new_tokens: ENDLESS } }
const COMPLETION = { model: 'sim', prompt: 'x', max_tokens: ENDLESS }
const REQUESTS = [
  ['/generate', GENERATE, ['meta_info', 'finish_reason', 'type']],
  ['/v1/completions', COMPLETION, ['choices', 0, 'finish_reason']],
  ['/v1/chat/completions', CHAT, ['choices', 0, 'finish_reason']],
] as const

/** A forward pass of prefill cannot be interrupted, and the engine is free after it. */
const SLOW_PREFILL = { prefillOverheadMs: 1000, contextLen: 200_000 }

/** How many requests all engines have received. */
function receivedBy({ fleet }: TestGateway): number {
  return [...fleet.prefill, ...fleet.decode, ...fleet.mixed].reduce(
    (sum, { counters }) => sum + counters.received,
    0,
  )
}

function post({ origin }: Pick<TestGateway, 'origin'>, path: string, body: object): Promise<Response> {
  return fetch(`${origin}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

/** The last event of a stream, or the whole body. */
async function outputOf(response: Response): Promise<unknown> {
  const text = await response.text()
  assert.equal(response.status, 200, text)
  if (!/event-stream/.test(response.headers.get('content-type') ?? '')) return JSON.parse(text)
  const { events, hasDone } = parseStream(text)
  assert.ok(hasDone)
  return events.at(-1)
}

suite('during the KV transfer', async () => {
  const gateway = await openGateway({ after }, { fleet: { prefill: 1, decode: 1, knobs: SLOW_PREFILL } })
  const { fleet } = gateway
  for (const [path, body, reason] of REQUESTS)
    for (const stream of [false, true])
      test(`${stream ? 'a stream of ' : ''}${path} ends without a token and with the finish reason abort`, async () => {
        const before = receivedBy(gateway)
        const response = post(gateway, path, { ...body, stream, rid: 'mine' })
        await until(() => receivedBy(gateway) === before + 2)
        await post(gateway, '/abort_request', { rid: 'mine' })
        const output = await outputOf(await response)
        assert.equal(at(output, ...reason), 'abort')
        assert.equal(path === '/generate' ? at(output, 'meta_info', 'id') : at(output, 'id'), 'mine')
        await until(() => runningOn(fleet) === 0)
      })

  for (const [name, rid] of [
    [['a'], 'a'],
    ['a', 'a_0'],
  ] as const)
    test(`a list of one prompt does, too, that ${JSON.stringify(name)} names`, async () => {
      const before = receivedBy(gateway)
      const response = post(gateway, '/v1/completions', { ...COMPLETION, prompt: ['x'], rid: name })
      await until(() => receivedBy(gateway) === before + 2)
      await post(gateway, '/abort_request', { rid })
      assert.equal(at(await outputOf(await response), 'choices', 0, 'finish_reason'), 'abort')
    })

  test('APIs without such a form get an error that client libraries do not repeat', async () => {
    const before = receivedBy(gateway)
    const response = post(gateway, '/v1/responses', { model: 'sim', input: 'x', request_id: 'mine' })
    await until(() => receivedBy(gateway) === before + 2)
    await post(gateway, '/abort_request', { rid: 'mine' })
    assert.equal((await response).status, 499)
    await until(() => runningOn(fleet) === 0)
  })

  test('each prompt and sample ends so when all requests are aborted', async () => {
    const before = receivedBy(gateway)
    const batch = post(gateway, '/generate', { ...GENERATE, text: ['x', 'y'], rid: 'both' })
    const samples = post(gateway, '/v1/completions', { ...COMPLETION, n: 3, stream: true })
    await until(() => receivedBy(gateway) === before + 2 * (2 + 3))
    await post(gateway, '/abort_request', { abort_all: true })
    const items = await outputOf(await batch)
    assert.ok(Array.isArray(items))
    assert.deepEqual(
      items.map(item => [at(item, 'meta_info', 'id'), at(item, 'meta_info', 'finish_reason', 'type')]),
      [
        ['both_0', 'abort'],
        ['both_1', 'abort'],
      ],
    )
    assert.equal(at(await outputOf(await samples), 'choices', 0, 'finish_reason'), 'abort')
    await until(() => runningOn(fleet) === 0)
  })

  test('a batch whose prompts are all aborted one by one is answered, too', async () => {
    const before = receivedBy(gateway)
    const batch = post(gateway, '/generate', { ...GENERATE, text: ['x', 'y'], rid: ['a', 'b'], stream: true })
    await until(() => receivedBy(gateway) === before + 4)
    for (const rid of ['a', 'b']) await post(gateway, '/abort_request', { rid })
    assert.equal(at(await outputOf(await batch), 'meta_info', 'finish_reason', 'type'), 'abort')
  })

  test('it counts as aborted, and is charged to no engine', async () => {
    const metrics = await (await fetch(`${gateway.adminOrigin}/metrics`)).text()
    const counted = (outcome: string): number =>
      [...metrics.matchAll(new RegExp(`^pdgw_router_requests_total\\{.*"${outcome}"\\} (\\d+)$`, 'gm'))]
        .map(([, value]) => Number(value))
        .reduce((sum, value) => sum + value, 0)
    assert.ok(counted('aborted') >= 1, metrics)
    assert.equal(counted('engine-error'), 0)
    assert.doesNotMatch(metrics, /^pdgw_engine_failures_total.* [1-9]/m)
  })

  test('an error of the request is still reported', async () => {
    const response = post(gateway, '/generate', {
      text: 'x',
      rid: 'bad',
      sampling_params: { temperature: -1 },
    })
    await post(gateway, '/abort_request', { rid: 'bad' })
    assert.equal((await response).status, 400)
  })
})

/** The events of a stream without what differs between any two. */
async function eventsOf(response: Response): Promise<unknown> {
  const { events, hasDone } = parseStream(await response.text())
  assert.ok(hasDone)
  // The message says whether the prompt was waiting or being computed.
  const varying = new Set(['id', 'created', 'e2e_latency', 'message'])
  const plain = JSON.stringify(events, (key, value: unknown) => (varying.has(key) ? undefined : value))
  return JSON.parse(plain)
}

suite('while a mixed engine computes the prompt', async () => {
  const gateway = await openGateway({ after }, { fleet: { mixed: 1, knobs: SLOW_PREFILL } })
  const [engine] = gateway.fleet.mixed
  assert.ok(engine)
  for (const [path, body, reason] of REQUESTS)
    test(`a stream of ${path} ends as the engine itself ends it`, async () => {
      const before = receivedBy(gateway)
      const origins = { direct: engine.url, routed: gateway.origin }
      const usage = path === '/generate' ? {} : { stream_options: { include_usage: true } }
      const fields = { ...body, ...usage, stream: true }
      const sent = Object.entries(origins).map(([rid, origin]) => post({ origin }, path, { ...fields, rid }))
      await until(() => receivedBy(gateway) === before + 2)
      for (const [rid, origin] of Object.entries(origins)) await post({ origin }, '/abort_request', { rid })
      const [direct, routed] = await Promise.all(sent)
      assert.ok(direct && routed)
      const copy = routed.clone()
      const expected = await eventsOf(direct)
      assert.deepEqual(await eventsOf(routed), expected)
      const events = JSON.stringify(expected)
      assert.match(events, path === '/generate' ? /"weight_version"/ : /"prompt_tokens":[1-9]/)
      assert.match(await copy.text(), /"id":"routed"/)
      assert.match(events, new RegExp(`"${String(reason.at(-1))}":"abort"`))
    })
})

test('a request that waits in the admission queue is answered so, without its turn', async t => {
  const gateway = await openGateway(t, {
    fleet: { prefill: 1, decode: 1, knobs: SLOW_PREFILL },
    config: { admission: { maxConcurrentRequests: 1 } },
  })
  const { fleet } = gateway
  const first = post(gateway, '/generate', { ...GENERATE, rid: 'first' })
  await until(() => receivedBy(gateway) === 2)
  const named = post(gateway, '/v1/chat/completions', { ...CHAT, rid: 'named' })
  // The abort finds nothing until the request is in the queue.
  let isSettled = false
  void named.then(() => (isSettled = true))
  await until(async () => {
    await post(gateway, '/abort_request', { rid: 'named' })
    return isSettled
  })
  assert.equal(at(await outputOf(await named), 'choices', 0, 'finish_reason'), 'abort')
  const other = post(gateway, '/v1/responses', { model: 'sim', input: 'x', request_id: 'other' })
  let status: number | undefined
  void other.then(response => (status = response.status))
  await until(async () => {
    await post(gateway, '/abort_request', { rid: 'other' })
    return status !== undefined
  })
  assert.equal(status, 499)
  await (await other).text()
  const waiting = post(gateway, '/generate', { text: 'x', stream: true })
  await until(async () => {
    const metrics = await (await fetch(`${gateway.adminOrigin}/metrics`)).text()
    return metrics.includes('\npdgw_frontend_queue_length 1\n')
  })
  await post(gateway, '/abort_request', { abort_all: true })
  for (const response of [waiting, first])
    assert.equal(at(await outputOf(await response), 'meta_info', 'finish_reason', 'type'), 'abort')
  assert.equal(receivedBy(gateway), 2, 'no engine has got those that waited')
  await until(() => runningOn(fleet) === 0)
})
