import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { GenerationEndpoint } from '../../../../src/core/endpoint.ts'
import { applyEdits } from '../../../../workers/json/edit.ts'
import { HashedPrompt } from '../../../../workers/request/block-hashes.ts'
import { readFields } from '../../../../workers/request/fields.ts'
import type { EngineRequest } from '../../../../workers/retry/engine-request.ts'
import { countParts, partOf, promptNamed } from '../../../../workers/samples/parts.ts'

function requestOf(endpoint: GenerationEndpoint, text: string): EngineRequest {
  const body = Buffer.from(text)
  const fields = readFields(endpoint, body)
  return {
    endpoint,
    path: `/${endpoint}`,
    headers: [],
    body,
    fields,
    prompt: fields.prompt && new HashedPrompt(body, fields.prompt),
    key: 7,
    serves: undefined,
    edits: [],
    isPromptOfBatch: false,
    timeouts: { firstTokenMs: 1, idleMs: 1, totalMs: 1 },
    deadlineMs: 1,
    id: 1,
    label: 'one',
  }
}

/** The body of every part, without what an attempt inserts. */
function bodiesOf(endpoint: GenerationEndpoint, text: string): string[] {
  const request = requestOf(endpoint, text)
  return Array.from({ length: countParts(request.fields) }, (_, index) =>
    applyEdits(request.body, partOf(request, index).edits).toString(),
  )
}

/** What blocks each prompt of the `/generate` request has. */
function keysOf(body: object): unknown[] {
  const request = requestOf('generate', JSON.stringify(body))
  return Array.from({ length: countParts(request.fields) }, (_, part) =>
    partOf(request, part).prompt?.blocks?.keys.join(),
  )
}

suite('the body of a part', () => {
  const cases: readonly [
    what: string,
    endpoint: GenerationEndpoint,
    body: string,
    parts: readonly string[],
  ][] = [
    [
      'has one prompt, and all other bytes of the client',
      'completions',
      '{ "prompt" : [ "a,\\"]" ,"b" ] , "big":9223372036854775807,"stop":["x","y"] }',
      [
        '{ "prompt" : "a,\\"]" , "big":9223372036854775807,"stop":["x","y"] }',
        '{ "prompt" : "b" , "big":9223372036854775807,"stop":["x","y"] }',
      ],
    ],
    [
      'has the ids of one prompt',
      'completions',
      '{"prompt":[[1,2],[3]]}',
      ['{"prompt":[1,2]}', '{"prompt":[3]}'],
    ],
    [
      'has its own value of each list with one value per prompt',
      'generate',
      '{"text":["a","b"],"sampling_params":[{"top_k":1},{"top_k":2}],"return_logprob":[true,false],"lora_path":["l",null],"token_ids_logprob":[[1],[2,3]]}',
      [
        '{"text":"a","sampling_params":{"top_k":1},"return_logprob":true,"lora_path":"l","token_ids_logprob":[1]}',
        '{"text":"b","sampling_params":{"top_k":2},"return_logprob":false,"lora_path":null,"token_ids_logprob":[2,3]}',
      ],
    ],
    [
      'keeps values that apply to all prompts',
      'generate',
      '{"input_ids":[[1],[2]],"token_ids_logprob":[7,8],"image_data":[],"return_logprob":true}',
      [
        '{"input_ids":[1],"token_ids_logprob":[7,8],"image_data":[],"return_logprob":true}',
        '{"input_ids":[2],"token_ids_logprob":[7,8],"image_data":[],"return_logprob":true}',
      ],
    ],
    [
      'keeps the hashes of a prompt as a list',
      'generate',
      '{"text":["a","b"],"image_data":["i","j"],"mm_hashes":["h",["k"]]}',
      ['{"text":"a","image_data":"i","mm_hashes":["h"]}', '{"text":"b","image_data":"j","mm_hashes":["k"]}'],
    ],
    ['asks for one sample', 'chat', '{"n":2,"a":1,"n": 2}', ['{"n":1,"a":1,"n": 1}', '{"n":1,"a":1,"n": 1}']],
    [
      'has the seed of the client plus the sample',
      'chat',
      '{"n":3,"seed":9007199254740993}',
      [
        '{"n":1,"seed":9007199254740993}',
        '{"n":1,"seed":9007199254740994}',
        '{"n":1,"seed":9007199254740995}',
      ],
    ],
    [
      'has the seed of its prompt plus the sample',
      'generate',
      '{"text":["a","b"],"sampling_params":[{"n":2,"sampling_seed":5},{"n":2,"sampling_seed":-1}]}',
      [
        '{"text":"a","sampling_params":{"n":1,"sampling_seed":5}}',
        '{"text":"a","sampling_params":{"n":1,"sampling_seed":6}}',
        '{"text":"b","sampling_params":{"n":1,"sampling_seed":-1}}',
        '{"text":"b","sampling_params":{"n":1,"sampling_seed":0}}',
      ],
    ],
    [
      'keeps its seed within 64 bits',
      'completions',
      '{"prompt":"a","n":2,"seed":9223372036854775807}',
      ['{"prompt":"a","n":1,"seed":9223372036854775807}', '{"prompt":"a","n":1,"seed":-9223372036854775808}'],
    ],
    [
      'keeps the seed of a single sample',
      'completions',
      '{"prompt":["a"],"seed":4}',
      ['{"prompt":"a","seed":4}'],
    ],
  ]
  for (const [what, endpoint, body, parts] of cases)
    test(what, () => assert.deepEqual(bodiesOf(endpoint, body), parts))

  test('is found in time that grows with the body only', () => {
    const prompts = Array.from({ length: 16_384 }, (_, index) => `"prompt ${index}"`).join(',')
    const params = Array.from({ length: 16_384 }, (_, index) => `{"sampling_seed":${index}}`).join(',')
    const request = requestOf('generate', `{"text":[${prompts}],"sampling_params":[${params}]}`)
    // A part that cost as much as the whole body would make this take minutes.
    for (let index = 0; index < 16_384; index++) partOf(request, index)
    const last = applyEdits(request.body, partOf(request, 16_383).edits).toString()
    assert.equal(last, '{"text":"prompt 16383","sampling_params":{"sampling_seed":16383}}')
  })
})

suite('promptNamed', () => {
  const cases: readonly [body: string, rid: string, expected: number | 'all' | undefined][] = [
    ['{"text":"a","rid":"x"}', 'x', 'all'],
    ['{"text":"a","rid":"x"}', 'x_0', undefined],
    ['{"text":["a","b"],"rid":["x","y"]}', 'y', 1],
    ['{"text":["a","b"],"rid":["x","y"]}', 'z', undefined],
    ['{"text":["a","b"],"rid":"x"}', 'x_1', 1],
    ['{"text":["a","b"],"rid":"x"}', 'x_2', undefined],
    ['{"text":["a","b"],"rid":"x"}', 'x_-1', undefined],
    ['{"text":["a","b"],"rid":"x"}', 'x_01', undefined],
    ['{"text":["a","b"],"rid":"x"}', 'x_', undefined],
    ['{"text":["a","b"],"rid":"x"}', 'x', 'all'],
    ['{"text":["a","b"]}', 'x', undefined],
  ]
  for (const [body, rid, expected] of cases)
    test(`is ${expected} for ${rid} and ${body}`, () =>
      assert.equal(promptNamed(readFields('generate', Buffer.from(body)), rid), expected))
})

suite('what policies know of a part', () => {
  test('is the prompt of the whole for each sample of it, and the key for all', () => {
    const request = requestOf('generate', '{"text":"same","sampling_params":{"n":2}}')
    assert.equal(partOf(request, 1).prompt, request.prompt)
    assert.equal(partOf(request, 1).key, 7)
  })

  test('is its own prompt in a batch, with the seed of the whole', () => {
    const [one, two, again] = ['["a","bb"]', '["a","bb"]', '"bb"'].map(text =>
      requestOf('completions', `{"model":"m","prompt":${text}}`),
    )
    assert.ok(one !== undefined && two !== undefined && again !== undefined)
    const parts = [partOf(one, 0), partOf(one, 1), partOf(two, 1), partOf(again, 0)]
    for (const keys of [
      parts.map(({ prompt }) => prompt?.prefixKey(64)),
      parts.map(({ prompt }) => prompt?.shortKey),
    ]) {
      assert.ok(keys[1] !== undefined)
      assert.deepEqual(keys.slice(2), [keys[1], keys[1]])
      assert.notEqual(keys[0], keys[1])
    }
    assert.deepEqual(
      parts.map(({ prompt }) => prompt?.bytes),
      [2, 3, 3, 3],
    )
  })

  test('is known by its own adapter, as a request of its own is', () => {
    const text = 'x'.repeat(1000)
    const alone = [...keysOf({ text, lora_path: 'l' }), ...keysOf({ text })]
    assert.deepEqual(keysOf({ text: [text, text], lora_path: ['l', null] }), alone)
    assert.equal(new Set(alone).size, 2)
  })

  test('is no prompt if none was read', () => {
    const request = requestOf('completions', '{"prompt":["a","b"]}')
    const unread = { ...request, fields: { ...request.fields, prompt: undefined }, prompt: undefined }
    assert.equal(partOf(unread, 1).prompt, undefined)
  })
})
