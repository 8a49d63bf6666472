/** A batch that waits in the admission queue: an abort that names one of its prompts ends that prompt only. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { openGateway } from '../../support/gateway.ts'
import { at } from '../../support/sse.ts'
import { until } from '../../support/until.ts'

const gateway = await openGateway(
  { after },
  { fleet: { prefill: 1, decode: 1 }, config: { admission: { maxConcurrentRequests: 1 } } },
)

async function post(path: string, body: object, signal?: AbortSignal): Promise<Response> {
  return fetch(`${gateway.origin}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    ...(signal && { signal }),
  })
}

/** Takes the only permit, until the signal is aborted. */
function hold(signal: AbortSignal): Promise<Response> {
  return post(
    '/generate',
    { text: 'held', stream: true, sampling_params: { max_new_tokens: 100_000 } },
    signal,
  )
}

async function queueLength(): Promise<number> {
  const metrics = await (await fetch(`${gateway.adminOrigin}/metrics`)).text()
  return Number(/^pdgw_frontend_queue_length (\d+)$/m.exec(metrics)?.[1])
}

for (const [how, path, prompts, rid, aborted] of [
  ['a list of rids', '/generate', { text: ['a', 'b', 'c'] }, ['a', 'b', 'c'], 'b'],
  ['one rid for all', '/generate', { text: ['a', 'b', 'c'] }, 'all', 'all_1'],
  ['a list of rids', '/v1/completions', { prompt: ['a', 'b', 'c'] }, ['a', 'b', 'c'], 'b'],
] as const)
  test(`ends that prompt only while the request waits in the admission queue: ${how} of ${path}`, async () => {
    const { fleet } = gateway
    const received = fleet.decode[0]?.counters.received ?? 0
    const leaving = new AbortController()
    const held = await hold(leaving.signal)
    const limits = { max_tokens: 2, sampling_params: { max_new_tokens: 2 } }
    const pending = post(path, { model: 'sim', ...prompts, ...limits, rid })
    await until(async () => (await queueLength()) === 1)
    for (const name of [aborted, aborted, 'nobody', 'all_99'])
      assert.equal((await post('/abort_request', { rid: name })).status, 200)
    leaving.abort()
    await assert.rejects(held.arrayBuffer())
    const response = await pending
    assert.equal(response.status, 200)
    const body: unknown = await response.json()
    const reasons = [0, 1, 2].map(index =>
      path === '/generate'
        ? at(body, index, 'meta_info', 'finish_reason', 'type')
        : at(body, 'choices', index, 'finish_reason'),
    )
    assert.deepEqual(reasons, ['length', 'abort', 'length'])
    assert.equal(fleet.decode[0]?.counters.received, received + 3, 'the aborted prompt was never sent')
  })

test('ends the request when it has named all prompts, while it waits in the admission queue', async () => {
  const leaving = new AbortController()
  const held = await hold(leaving.signal)
  const pending = post('/generate', { text: ['a', 'b'], rid: ['a', 'b'] })
  await until(async () => (await queueLength()) === 1)
  for (const rid of ['b', 'a']) await post('/abort_request', { rid })
  const response = await pending
  assert.equal(response.status, 200)
  const items: unknown = await response.json()
  for (const [index, rid] of ['a', 'b'].entries()) {
    assert.equal(at(items, index, 'meta_info', 'id'), rid)
    assert.equal(at(items, index, 'meta_info', 'finish_reason', 'type'), 'abort')
  }
  leaving.abort()
  await assert.rejects(held.arrayBuffer())
})
