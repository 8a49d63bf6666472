import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { EngineFacts } from '../../../../src/control/monitor/engine-facts.ts'
import type { GetResponse } from '../../../../src/control/monitor/http-get.ts'

type Responses = Record<string, GetResponse | Promise<GetResponse> | Error>

const ok = (value: unknown): GetResponse => ({ status: 200, body: JSON.stringify(value) })
const status = (code: number): GetResponse => ({ status: code, body: '' })
const modelList = (...names: string[]) => ok({ data: names.map(id => ({ id })) })
const NEVER = new Promise<GetResponse>(() => undefined)
/** Longer than any answer of these tests takes. */
const PATIENT_MS = 60_000

/** `responses` may be changed; a path that it lacks responds with 404. */
function factsOf(responses: Responses) {
  const answers: (readonly string[])[] = []
  const facts = new EngineFacts(
    async path => {
      const response = await (responses[path] ?? status(404))
      if (response instanceof Error) throw response
      return response
    },
    () => answers.push(facts.info.models),
  )
  return { facts, answers }
}

test('an older engine is read at its older path', async () => {
  const { facts } = factsOf({ '/get_server_info': ok({ max_running_requests: 512 }) })
  await facts.read(PATIENT_MS)
  assert.equal(facts.info.maxRunning, 512)
  assert.deepEqual(facts.gaps, [])
})

test('an engine without the endpoints, or with a page there, is known completely', async () => {
  for (const responses of [{}, { '/server_info': { status: 200, body: '<html>' } }]) {
    const { facts } = factsOf(responses)
    await facts.read(PATIENT_MS)
    assert.deepEqual([facts.info.models, facts.gaps, facts.isUp], [[], [], true])
  }
})

const GAPS: readonly [string, GetResponse | Error, RegExp, boolean][] = [
  ['an error status', status(500), /\/server_info responded with 500/, false],
  ['a redirect', status(302), /\/server_info responded with 302/, true],
  ['too many requests', status(429), /\/server_info responded with 429/, true],
  ['text that breaks off', { status: 200, body: '{"a":1' }, /\/server_info .* than a JSON object/, true],
  ['JSON of another kind', { status: 200, body: '[]' }, /\/server_info .* than a JSON object/, true],
  ['a broken connection', new Error('read ECONNRESET'), /\/server_info: read ECONNRESET/, false],
  ['a missing key', status(401), /\/server_info asks for a key \(status 401\): set engines.apiKey/, true],
]

for (const [what, response, reason, isUp] of GAPS) {
  test(`${what} is a gap with its reason, and does not withhold what is known`, async () => {
    const { facts } = factsOf({ '/server_info': response, '/v1/models': modelList('m') })
    await facts.read(PATIENT_MS)
    assert.deepEqual([facts.info.models, facts.isUp], [['m'], true])
    assert.equal(facts.gaps.length, 1)
    assert.match(facts.gaps.join(), reason)
  })

  test(`${what} everywhere means that the engine is ${isUp ? 'up' : 'not up'}`, async () => {
    const { facts } = factsOf({
      '/server_info': response,
      '/get_server_info': response,
      '/v1/models': response,
    })
    await facts.read(PATIENT_MS)
    assert.equal(facts.isUp, isUp)
  })
}

test('an answer that takes long is not waited for, and counts when it comes', async () => {
  const late = Promise.withResolvers<GetResponse>()
  const { facts, answers } = factsOf({ '/server_info': late.promise, '/v1/models': modelList('m') })
  await facts.read(1)
  assert.match(facts.gaps.join(), /\/server_info has not responded for 1 ms/)
  assert.equal(facts.info.maxInputTokens, undefined)
  late.resolve(ok({ max_req_input_len: 100, served_model_name: 'm' }))
  await facts.read(PATIENT_MS)
  assert.deepEqual([facts.info.maxInputTokens, facts.gaps], [100, []])
  assert.ok(answers.length >= 2)
})

test('names that only the process before a restart has reported are dropped, its limits are kept', async () => {
  const responses: Responses = {
    '/server_info': ok({ served_model_name: 'llama', max_req_input_len: 100 }),
    '/v1/models': modelList('llama'),
  }
  const { facts } = factsOf(responses)
  await facts.read(PATIENT_MS)
  responses['/v1/models'] = modelList('mistral')
  responses['/server_info'] = status(500)
  await facts.read(PATIENT_MS)
  assert.deepEqual([facts.info.models, facts.info.maxInputTokens], [['mistral'], 100])
  responses['/server_info'] = NEVER
  responses['/v1/models'] = status(503)
  await facts.read(1)
  assert.deepEqual(facts.info.models, ['mistral', 'llama'])
})

for (const [what, server] of [
  ['an engine without /server_info', status(404)],
  ['an engine whose /server_info is as before', ok({ max_req_input_len: 100 })],
] as const)
  test(`${what} keeps its models while it is asked for them again, even if that fails`, async () => {
    const models = Promise.withResolvers<GetResponse>()
    const responses: Responses = { '/server_info': server, '/v1/models': modelList('llama') }
    const { facts, answers } = factsOf(responses)
    await facts.read(PATIENT_MS)
    responses['/v1/models'] = models.promise
    await facts.read(1)
    assert.deepEqual(facts.info.models, ['llama'])
    models.resolve(status(503))
    await facts.read(PATIENT_MS)
    assert.deepEqual(facts.info.models, ['llama'])
    assert.ok(answers.slice(2).every(names => names.includes('llama')))
  })

test('an engine that has changed is reported with all that is known of it, not with half', async () => {
  const responses: Responses = {
    '/server_info': ok({ max_req_input_len: 100 }),
    '/v1/models': modelList('llama'),
  }
  const { facts, answers } = factsOf(responses)
  await facts.read(PATIENT_MS)
  const models = Promise.withResolvers<GetResponse>()
  responses['/server_info'] = ok({ max_req_input_len: 200 })
  responses['/v1/models'] = models.promise
  const before = answers.length
  const read = facts.read(PATIENT_MS)
  await nextTurn()
  assert.equal(answers.length, before)
  models.resolve(modelList('mistral'))
  await read
  assert.deepEqual([facts.info.maxInputTokens, answers.slice(before)], [200, [['mistral']]])
})

test('the models of an engine that has changed are not known until it names them', async () => {
  const responses: Responses = {
    '/server_info': ok({ max_req_input_len: 100 }),
    '/v1/models': modelList('llama'),
  }
  const { facts, answers } = factsOf(responses)
  await facts.read(PATIENT_MS)
  responses['/server_info'] = ok({ max_req_input_len: 200 })
  responses['/v1/models'] = NEVER
  await facts.read(1)
  assert.deepEqual([facts.info.models, answers.at(-1)], [[], []])
})

test('models change when their names do; a failed question is no change', async () => {
  const responses: Responses = { '/v1/models': modelList('a') }
  const { facts } = factsOf(responses)
  await facts.read(PATIENT_MS)
  assert.equal(await facts.hasChanged(false), false)
  responses['/v1/models'] = modelList('a', 'lora')
  assert.equal(await facts.hasChanged(false), true)
  responses['/v1/models'] = status(500)
  assert.equal(await facts.hasChanged(false), false)
})

test('a look at everything else finds what matters; a failed question is no change', async () => {
  const responses: Responses = { '/server_info': ok({ max_running_requests: 8, uptime: 1 }) }
  const { facts } = factsOf(responses)
  await facts.read(PATIENT_MS)
  responses['/server_info'] = ok({ max_running_requests: 8, uptime: 2 })
  assert.equal(await facts.hasChanged(true), false)
  for (const change of [{ max_running_requests: 9 }, { max_running_requests: 8, dp_size: 2 }]) {
    responses['/server_info'] = ok(change)
    assert.equal(await facts.hasChanged(true), true)
  }
  responses['/server_info'] = status(500)
  assert.equal(await facts.hasChanged(true), false)
})
