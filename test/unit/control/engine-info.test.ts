import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseEngineInfo, readEngineInfo } from '../../../src/control/engine-info.ts'

type Responses = Readonly<Record<string, { status: number; body: string }>>

const ok = (value: unknown) => ({ status: 200, body: JSON.stringify(value) })
const getFrom = (responses: Responses) => async (path: string) => responses[path] ?? { status: 404, body: '' }

const SERVER = {
  served_model_name: 'm',
  dp_size: 4,
  disaggregation_mode: 'prefill',
  disaggregation_bootstrap_port: 9000,
  max_running_requests: 512,
  max_req_input_len: 1000,
  internal_states: [{ effective_max_running_requests_per_dp: 64 }],
}

test('the effective limit of the scheduler overrides the flag', () => {
  assert.equal(parseEngineInfo(SERVER, {}).maxRunning, 256)
  assert.equal(parseEngineInfo({ max_running_requests: 512 }, {}).maxRunning, 512)
  assert.equal(parseEngineInfo({ ...SERVER, dp_size: '4' }, {}).maxRunning, 64)
})

test('all fields are read, and duplicate model names are dropped', () => {
  assert.deepEqual(parseEngineInfo(SERVER, { data: [{ id: 'm' }, { id: 'lora' }] }), {
    models: ['m', 'lora'],
    maxRunning: 256,
    maxInputTokens: 1000,
    bootstrapPort: 9000,
    mode: 'prefill',
  })
})

test('an engine that cuts long prompts has no limit of its own', () => {
  assert.equal(parseEngineInfo({ ...SERVER, allow_auto_truncate: true }, {}).maxInputTokens, undefined)
  assert.equal(parseEngineInfo({ ...SERVER, allow_auto_truncate: false }, {}).maxInputTokens, 1000)
})

test('fields of a wrong type are ignored', () => {
  const odd = {
    dp_size: '4',
    max_req_input_len: -1,
    disaggregation_bootstrap_port: 99_999,
    internal_states: {},
  }
  assert.deepEqual(parseEngineInfo(odd, { data: 'none' }), {
    models: [],
    maxRunning: undefined,
    maxInputTokens: undefined,
    bootstrapPort: undefined,
    mode: undefined,
  })
})

test('an older engine is read at its older path', async () => {
  const info = await readEngineInfo(getFrom({ '/get_server_info': ok(SERVER) }))
  assert.equal(info.maxRunning, 256)
})

test('an engine without the endpoints, or with other content there, has no properties', async () => {
  assert.deepEqual((await readEngineInfo(getFrom({}))).models, [])
  assert.deepEqual(
    (await readEngineInfo(getFrom({ '/server_info': { status: 200, body: '<html>' } }))).models,
    [],
  )
})

test('an engine that responds with 5xx is not up', async () => {
  await assert.rejects(
    readEngineInfo(getFrom({ '/server_info': { status: 503, body: '' } })),
    /responded with 503/,
  )
})
