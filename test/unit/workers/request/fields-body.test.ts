import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import type { GenerationEndpoint } from '../../../../src/core/endpoint.ts'
import { GatewayError } from '../../../../src/core/errors.ts'
import { buildBody } from '../../../../workers/request/engine-body.ts'
import { readFields } from '../../../../workers/request/fields.ts'

const RID = '0123456789abcdef0123456789abcdef'
const INJECT = { rid: RID, bootstrapHost: '10.0.0.1', bootstrapPort: 8998, bootstrapRoom: 2 ** 53 - 1 }
const OURS = `"rid":"${RID}","bootstrap_host":"10.0.0.1","bootstrap_port":8998,"bootstrap_room":9007199254740991`

function fields(endpoint: GenerationEndpoint, text: string) {
  return readFields(endpoint, Buffer.from(text))
}

function built(endpoint: GenerationEndpoint, text: string, singleSample = false): string {
  const body = Buffer.from(text)
  return buildBody(body, readFields(endpoint, body), INJECT, { singleSample }).toString()
}

function wantsEcho(endpoint: GenerationEndpoint, text: string): boolean {
  return fields(endpoint, text).prefillLogprobs === 'echo'
}

function wantsLogprobs(text: string): boolean {
  return fields('generate', text).prefillLogprobs === 'native'
}

suite('readFields', () => {
  test('reports what is wrong with a body, and where', () => {
    const cases: readonly [string | Buffer, RegExp][] = [
      ['', /empty/],
      [Buffer.from([0x7b, 0xff, 0x7d]), /UTF-8/],
      ['[1]', /expected an object.*line 1, column 1/],
      ['\uFEFF{"a":1}', /not valid JSON: it starts with a byte order mark/],
      ['{"a":1,\n"b" 2}', /expected ':' at line 2, column 5/],
      ['{"a":1} x', /nothing after the object/],
      ['{"a":"\u0001"}', /not valid JSON: .*control character.* position 6/],
      ['{"a":{"b":}}', /not valid JSON: Unexpected token '}', "\{"a":\{"b":\}\}"$/],
      ['{"a":[1,2,]}', /Unexpected token '\]'/],
      ['{"a":{"b":tru}}', /Unexpected token '\}'/],
      ['{"a":{"b":01}}', /position 11/],
      ['{"a":[{"c" 1}]}', /position 11/],
      ['{"a":"x\ny"}', /position 7/],
      ['{"a":{"b":"\\q"}}', /position 12/],
      ['{"a":{"b":"\\\\\\u12"}}', /position 1[4-7]/],
    ]
    for (const [body, expected] of cases) {
      assert.throws(
        () => readFields('chat', Buffer.from(body)),
        error =>
          error instanceof GatewayError && error.code === 'invalid-json' && expected.test(error.message),
      )
    }
  })

  test('reads the fields of a chat request', () => {
    const read = fields(
      'chat',
      '{"model":"m","stream":true,"n":3,"rid":"mine","stream_options":{"include_usage":true},"messages":[]}',
    )
    assert.equal(read.isStream, true)
    assert.equal(read.n, 3)
    assert.equal(read.nRanges.length, 1)
    assert.equal(read.model, 'm')
    assert.equal(read.clientRid, 'mine')
    assert.equal(read.includesUsage, true)
    assert.equal(read.batchSize, undefined)
  })

  const batches: readonly [GenerationEndpoint, string, number | undefined, number | undefined][] = [
    ['completions', '{"prompt":"a"}', undefined, undefined],
    ['completions', '{"prompt":["a"]}', 1, undefined],
    ['completions', '{"prompt":[1,2,3]}', undefined, 3],
    ['completions', '{"prompt":[[1,2,3],[4]]}', 2, 3],
    ['generate', '{"text":["a","b"]}', 2, undefined],
    ['generate', '{"text":null,"input_ids":[[1]]}', 1, 1],
    ['generate', '{"input_ids":[ 1 , 2 ]}', undefined, 2],
  ]
  for (const [endpoint, text, batchSize, promptTokens] of batches) {
    test(`reads the prompt shape of ${endpoint} ${text}`, () => {
      const read = fields(endpoint, text)
      assert.equal(read.batchSize, batchSize)
      assert.equal(read.countPromptTokens(), promptTokens)
    })
  }

  test('recognizes every n that an engine may read as a number above 1', () => {
    for (const n of ['2', '2.0', '2e0', '20E-1', '"2"', '" 2 "', '"2.0"'])
      assert.equal(fields('chat', `{"n":${n}}`).n, 2, n)
    assert.equal(fields('chat', '{"n":1e9}').n, 1e9)
    assert.equal(fields('chat', '{"n":1e400}').n, Infinity)
    assert.equal(built('chat', '{"n":"2"}', true), `{"n":1,${OURS}}`)
  })

  test('leaves an invalid n to the engine', () => {
    for (const n of ['0', '-1', '1.5', '"a"', '""', '"1.5"', 'null', 'true', '[2]', '{}', '1e-1']) {
      assert.equal(fields('chat', `{"n":${n}}`).n, 1)
      assert.equal(fields('chat', `{"n":${n}}`).nRanges.length, 0)
    }
    const list = '{"sampling_params":[{"n":2},{"n":2}]}'
    assert.equal(fields('generate', list).n, 2)
    assert.equal(fields('generate', list).nRanges.length, 2)
    assert.equal(fields('generate', '{"sampling_params":[{"n":2},{}]}').n, 1)
    assert.equal(fields('generate', '{"n":4,"sampling_params":{"n":2}}').n, 2)
  })

  test('rejects an empty list of prompts', () => {
    for (const [endpoint, text] of [
      ['generate', '{"text":[]}'],
      ['generate', '{"input_ids":[ ]}'],
      ['completions', '{"prompt":[]}'],
    ] as const)
      assert.throws(() => fields(endpoint, text), { code: 'invalid-request' })
  })

  test('recognizes a request for logprobs of an echoed prompt', () => {
    assert.equal(wantsEcho('completions', '{"echo":true,"logprobs":1}'), true)
    assert.equal(wantsEcho('completions', '{"echo":true,"logprobs":null}'), false)
    assert.equal(wantsEcho('completions', '{"echo":true}'), false)
    assert.equal(wantsEcho('completions', '{"echo":false,"logprobs":1}'), false)
    assert.equal(wantsEcho('chat', '{"echo":true,"logprobs":1}'), false)
    assert.equal(wantsEcho('generate', '{"echo":true,"logprobs":1}'), false)
  })

  test('recognizes a request for logprobs of the prompt', () => {
    assert.equal(wantsLogprobs('{"return_logprob":true,"logprob_start_len":0}'), true)
    assert.equal(wantsLogprobs('{"return_logprob":[false,true],"logprob_start_len":[-1,3]}'), true)
    assert.equal(wantsLogprobs('{"return_logprob":true}'), false)
    assert.equal(wantsLogprobs('{"return_logprob":true,"logprob_start_len":-1}'), false)
    assert.equal(wantsLogprobs('{"return_logprob":false,"logprob_start_len":0}'), false)
  })
})

suite('buildBody', () => {
  const exact = [
    '{}',
    ' { } \n',
    '{"a":9223372036854775807,"b":1e400,"b":-0.0,"c":"\\u00e9\\/é😀"}',
    '{ "deep" : [[[[{"x":[1,{"y":"}"}]}]]]] ,\n "k\\u0065y" : 1 }\r\n',
    `{"prompt":"${'long prompt \\"quoted\\" '.repeat(50_000)}"}`,
    `{"input_ids":[${'12345, '.repeat(20_000)}1]}`,
  ]
  for (const text of exact) {
    test(`only inserts members into ${text.slice(0, 40)}`, () => {
      const close = text.lastIndexOf('}')
      const comma = text.slice(0, close).trim() === '{' ? '' : ','
      assert.equal(built('chat', text), `${text.slice(0, close)}${comma}${OURS}${text.slice(close)}`)
    })
  }

  test('inserts members after a 10 MiB prompt', () => {
    const text = `{"prompt":"${'x'.repeat(10 * 1024 * 1024)}","n":2}`
    assert.equal(built('completions', text), `${text.slice(0, -1)},${OURS}}`)
  })

  const cut: readonly [string, string][] = [
    ['{"rid":"x"}', '{'],
    ['{"rid":"x","a":1}', '{"a":1,'],
    ['{"a":1,"rid":"x"}', '{"a":1,'],
    ['{"a":1 , "rid":"x", "bootstrap_room":0 }', '{"a":1 ,'],
    ['{"a":1,"ri\\u0064":"x","b":2,"bootstrap_host":null}', '{"a":1,"b":2,'],
    ['{"rid":1,"rid":2,"a":1,"data_parallel_rank":1,"routed_dp_rank":2,"b":1}', '{"a":1,"b":1,'],
  ]
  for (const [text, start] of cut) {
    test(`removes members that the client may not set: ${text}`, () =>
      assert.equal(built('chat', text), `${start}${OURS}}`))
  }

  test('asks for one sample if the gateway fans out', () => {
    assert.equal(built('chat', '{"n":3,"a":1,"n": 12}', true), `{"n":1,"a":1,"n": 1,${OURS}}`)
    const generate = '{"sampling_params":{"n":2,"t":1}}'
    assert.equal(built('generate', generate, true), `{"sampling_params":{"n":1,"t":1},${OURS}}`)
    assert.equal(built('generate', generate), `{"sampling_params":{"n":2,"t":1},${OURS}}`)
  })

  test('inserts lists for a batch, and only a rid for a mixed engine', () => {
    const body = Buffer.from('{"text":["a","b"]}')
    const read = readFields('generate', body)
    const injection = {
      rid: ['r1', 'r2'],
      bootstrapHost: ['h', 'h'],
      bootstrapPort: [1, 1],
      bootstrapRoom: [5, 6],
    }
    assert.deepEqual(JSON.parse(buildBody(body, read, injection, { singleSample: false }).toString()), {
      text: ['a', 'b'],
      rid: ['r1', 'r2'],
      bootstrap_host: ['h', 'h'],
      bootstrap_port: [1, 1],
      bootstrap_room: [5, 6],
    })
    const single = buildBody(body, read, { rid: 'r' }, { singleSample: false })
    assert.equal(single.toString(), '{"text":["a","b"],"rid":"r"}')
  })

  test('equals JSON.parse and a merge, for any object', () => {
    const keys = fc.constantFrom('a', 'b', 'rid', 'bootstrap_room', 'routed_dp_rank', 'é"')
    fc.assert(
      fc.property(fc.dictionary(keys, fc.jsonValue()), fc.constantFrom('', ' '), (value, space) => {
        const actual: unknown = JSON.parse(built('chat', JSON.stringify(value, undefined, space)))
        const kept = Object.entries(value).filter(([key]) => ['a', 'b', 'é"'].includes(key))
        const expected: unknown = JSON.parse(JSON.stringify(Object.fromEntries(kept)))
        assert.deepEqual(actual, { ...Object(expected), ...Object(JSON.parse(`{${OURS}}`)) })
      }),
      { seed: 3, numRuns: 500 },
    )
  })
})
