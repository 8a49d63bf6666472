import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseEngineInfo } from '../../../../src/control/monitor/engine-info.ts'

const SERVER = {
  served_model_name: 'm',
  dp_size: 4,
  disaggregation_mode: 'prefill',
  disaggregation_bootstrap_port: 9000,
  max_running_requests: 512,
  max_total_num_tokens: 480_000,
  max_req_input_len: 1000,
  frontend: 'rust',
  page_size: 64,
  kv_cache_dtype: 'auto',
  disaggregation_transfer_backend: 'mooncake',
  version: '0.5.23',
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
    kvTokens: 1_920_000,
    maxInputTokens: 1000,
    dpSize: 4,
    frontend: 'rust',
    isVllm: false,
    version: '0.5.23',
    pairing: { pageSize: 64, kvCacheType: 'auto', transferBackend: 'mooncake', version: '0.5.23' },
    bootstrapPort: 9000,
    mode: 'prefill',
    isGateway: false,
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
    max_total_num_tokens: '480000',
    disaggregation_bootstrap_port: 99_999,
    frontend: 'perl',
    page_size: '64',
    version: '',
    internal_states: {},
  }
  assert.deepEqual(parseEngineInfo(odd, { data: 'none' }), {
    models: [],
    maxRunning: undefined,
    maxInputTokens: undefined,
    dpSize: 1,
    frontend: undefined,
    isVllm: false,
    pairing: {},
    bootstrapPort: undefined,
    mode: undefined,
    isGateway: false,
  })
})

test('builds of one release have the same version', () => {
  const build = parseEngineInfo({ version: '0.5.23+cu129' }, {})
  assert.deepEqual([build.version, build.pairing.version], ['0.5.23', '0.5.23'])
  assert.equal(parseEngineInfo({ version: '0.5.23.post1' }, {}).pairing.version, '0.5.23.post1')
})

test('vLLM is known by the owner of its models', () => {
  const [vllm, sglang] = [
    { id: 'm', owned_by: 'vllm' },
    { id: 'm', owned_by: 'sglang' },
  ]
  assert.equal(parseEngineInfo({}, { data: [vllm, vllm] }).isVllm, true)
  assert.equal(parseEngineInfo({}, { data: [vllm, sglang] }).isVllm, false)
  assert.equal(parseEngineInfo({}, { data: [] }).isVllm, false)
})
