/** A fleet of several models: both legs are of one model, whatever the request names. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { type Owner, openGateway } from '../support/gateway.ts'
import { at } from '../support/sse.ts'

const REQUESTS = 30
const MODELS = ['llama', 'qwen', 'qwen']

function openModels(t: Owner, defaultModel?: string) {
  return openGateway(t, {
    fleet: { prefill: 3, decode: 3, knobsFor: (_, index) => ({ modelId: MODELS[index] ?? '' }) },
    config: { policy: defaultModel === undefined ? {} : { defaultModel } },
  })
}

const ENDPOINTS = [
  ['/generate', { text: 'hello', sampling_params: { max_new_tokens: 2 } }],
  ['/v1/completions', { prompt: 'hello', max_tokens: 2 }],
  ['/v1/chat/completions', { messages: [{ role: 'user', content: 'hello' }], max_tokens: 2 }],
] as const

function post(origin: string, path: string, body: object): Promise<Response> {
  const headers = { 'content-type': 'application/json' }
  return fetch(`${origin}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
}

suite('in front of engines of two models', () => {
  for (const [path, body] of ENDPOINTS)
    test(`${path} without a model is refused with their names`, async t => {
      const { origin, fleet } = await openModels(t)
      const response = await post(origin, path, body)
      assert.equal(response.status, 400)
      const error = at(await response.json(), 'error')
      assert.match(String(at(error, 'message')), /several models \(llama, qwen\)/)
      assert.deepEqual([at(error, 'type'), at(error, 'code')], ['invalid_request_error', 'invalid-request'])
      for (const { counters } of [...fleet.prefill, ...fleet.decode]) assert.equal(counters.received, 0)
    })

  test('every pair is of the model that the request names, or of the default one', async t => {
    const { origin, fleet } = await openModels(t, 'qwen')
    const [path, body] = ENDPOINTS[0]
    const received = (): number[][] =>
      [fleet.prefill, fleet.decode].map(engines => engines.map(({ counters }) => counters.received))
    for (let request = 0; request < REQUESTS; request++)
      assert.equal((await post(origin, path, body)).status, 200)
    for (const [llama, first, second] of received())
      assert.deepEqual([llama, (first ?? 0) + (second ?? 0)], [0, REQUESTS])
    for (const model of ['llama', 'llama:adapter'])
      await (await post(origin, path, { ...body, model })).arrayBuffer()
    for (const [llama] of received()) assert.equal(llama, 2)
    assert.equal((await post(origin, path, { ...body, model: 'mistral' })).status, 404)
  })
})
