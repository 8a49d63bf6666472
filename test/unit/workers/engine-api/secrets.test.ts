import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withoutSecrets } from '../../../../workers/engine-api/secrets.ts'

test('keys and command lines are left out at any depth, everything else stays', () => {
  const info = {
    served_model_name: 'm',
    api_key: 'secret',
    admin_api_key: 'secret',
    launch_command: 'python -m sglang.launch_server --api-key secret',
    max_total_num_tokens: 7,
    tokenizer_path: 'm',
    ssl_keyfile_password: 'secret',
    hf_token: 'secret',
    api_keys: ['secret'],
    internal_states: [
      { last_gen_throughput: 0, args: { api_key: 'secret', env: { KEY: 'secret' }, dp_size: 2 } },
    ],
    nothing: null,
  }
  assert.deepEqual(withoutSecrets(info), {
    served_model_name: 'm',
    max_total_num_tokens: 7,
    tokenizer_path: 'm',
    internal_states: [{ last_gen_throughput: 0, args: { dp_size: 2 } }],
    nothing: null,
  })
})

test('numbers and empty values are no secrets', () => {
  const info = { stop_tokens: 5, key: null, tokens: 0 }
  assert.deepEqual(withoutSecrets(info), info)
})
