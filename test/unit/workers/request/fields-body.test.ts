import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import type { GenerationEndpoint } from '../../../../src/core/endpoint.ts'
import { GatewayError } from '../../../../src/core/errors.ts'
import { buildBody, type EngineBody } from '../../../../workers/request/engine-body.ts'
import { readFields } from '../../../../workers/request/fields.ts'

const RID = '0123456789abcdef0123456789abcdef'
const INJECT = { rid: RID, bootstrapHost: '10.0.0.1', bootstrapPort: 8998, bootstrapRoom: 2 ** 53 - 1 }
const OURS = `"rid":"${RID}","bootstrap_host":"10.0.0.1","bootstrap_port":8998,"bootstrap_room":9007199254740991`

function fields(endpoint: GenerationEndpoint, text: string) {
  return readFields(endpoint, Buffer.from(text))
}

function built(endpoint: GenerationEndpoint, text: string): string {
  const body = Buffer.from(text)
  return bytesOf(buildBody(body, readFields(endpoint, body), INJECT, [])).toString()
}

function bytesOf(body: EngineBody): Buffer {
  return body instanceof Uint8Array ? Buffer.from(body) : Buffer.concat(body)
}

function wantsEcho(endpoint: GenerationEndpoint, text: string): boolean {
  return fields(endpoint, text).prefillLogprobs === 'echo'
}

function wantsLogprobs(text: string): boolean {
  return fields('generate', text).prefillLogprobs === 'native'
}

function recomputes(endpoint: GenerationEndpoint, text: string): boolean {
  return fields(endpoint, text).recomputesPrompt
}

function isTokenless(endpoint: GenerationEndpoint, text: string): boolean[] {
  return fields(endpoint, text).sampling.values.map(values => values.isTokenless)
}

function seeds(endpoint: GenerationEndpoint, text: string): bigint[] {
  return fields(endpoint, text).sampling.values.flatMap(values => values.seeds.map(({ value }) => value))
}

suite('readFields', () => {
  test('reports what is wrong with a body, and where', () => {
    const cases: readonly [string | Buffer, RegExp][] = [
      ['', /empty/],
      [Buffer.from([0x7b, 0xff, 0x7d]), /UTF-8/],
      [
        '[1]',
        /^The request body must be a JSON object, but something else begins at line 1, column 1 \(byte 0\)$/,
      ],
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
    assert.equal(read.sampling.values[0]?.n.length, 1)
    assert.equal(read.model, 'm')
    assert.equal(read.clientRid, 'mine')
    assert.equal(read.includesUsage, true)
    assert.equal(read.batch, undefined)
  })

  const batches: readonly [GenerationEndpoint, string, number | undefined, number | undefined][] = [
    ['completions', '{"prompt":"a"}', undefined, undefined],
    ['completions', '{"prompt":["a"]}', 1, undefined],
    ['completions', '{"prompt":[1,2,3]}', undefined, 3],
    ['completions', '{"prompt":[[1,2,3],[4]]}', 2, 3],
    ['generate', '{"text":["a","b"]}', 2, undefined],
    ['generate', '{"text":null,"input_ids":[[1]]}', 1, 1],
    ['generate', '{"input_ids":[ 1 , 2 ]}', undefined, 2],
    ['generate', '{"text":"a","input_ids":[[1],[2]]}', undefined, undefined],
    ['generate', '{"input_embeds":[[0.5,1],[2,3]]}', undefined, undefined],
    ['generate', '{"input_embeds":[[[0.5,1]],[[2,3]]]}', 2, undefined],
  ]
  for (const [endpoint, text, batchSize, promptTokens] of batches) {
    test(`reads the prompt shape of ${endpoint} ${text}`, () => {
      const read = fields(endpoint, text)
      assert.equal(read.batch?.size, batchSize)
      assert.equal(read.promptLengths.longest(), promptTokens)
    })
  }

  test('refuses every n that an engine may read as another number', () => {
    for (const n of [
      '2.0',
      '2e0',
      '20E-1',
      '1.5',
      '"2"',
      '" 2 "',
      '"1"',
      '""',
      'true',
      '[2]',
      '{}',
      '1e400',
    ]) {
      const body = Buffer.from(`{"text":"a","n":${n},"sampling_params":{"n":${n}}}`)
      for (const endpoint of ['chat', 'completions', 'generate'] as const)
        assert.throws(() => readFields(endpoint, body), {
          code: 'invalid-request',
          message: /n must be an int/,
        })
    }
  })

  test('leaves an n that engines refuse or take as 1 to them', () => {
    for (const n of ['0', '-1', '-0', 'null', '1']) {
      assert.equal(fields('chat', `{"n":${n}}`).n, 1)
      assert.deepEqual(fields('chat', `{"n":${n}}`).sampling.values, [
        { n: [], seeds: [], isTokenless: false },
      ])
    }
    assert.equal(fields('generate', '{"n":4,"sampling_params":{"n":2}}').n, 2)
  })

  test('reads n of a list of parameters, which must agree', () => {
    const list = fields('generate', '{"text":["a","b"],"sampling_params":[{"n":2},{"n":2}]}')
    assert.equal(list.n, 2)
    assert.deepEqual(
      list.sampling.values.map(({ n }) => n.length),
      [1, 1],
    )
    assert.throws(() => fields('generate', '{"sampling_params":[{"n":2},{}]}'), { code: 'invalid-request' })
  })

  test('reads whether a request asks for no token', () => {
    assert.deepEqual(isTokenless('generate', '{"sampling_params":{"max_new_tokens":0}}'), [true])
    assert.deepEqual(isTokenless('generate', '{"max_new_tokens":0}'), [false])
    const list = '{"text":["a","b"],"sampling_params":[{"max_new_tokens":0},{"max_new_tokens":1}]}'
    assert.deepEqual(isTokenless('generate', list), [true, false])
    assert.deepEqual(isTokenless('completions', '{"max_tokens":0,"n":2}'), [true])
    assert.deepEqual(isTokenless('chat', '{"max_tokens":0}'), [true])
    assert.deepEqual(isTokenless('chat', '{"max_tokens":0,"max_completion_tokens":3}'), [false])
    assert.deepEqual(isTokenless('chat', '{"max_tokens":0,"max_completion_tokens":null}'), [true])
  })

  const bounds: readonly [GenerationEndpoint, (value: string) => string][] = [
    ['chat', value => `{"max_tokens":${value}}`],
    ['chat', value => `{"max_completion_tokens":${value},"max_tokens":5}`],
    ['chat', value => `{"max_completion_tokens":null,"max_tokens":${value}}`],
    ['completions', value => `{"max_tokens":${value}}`],
    ['generate', value => `{"sampling_params":{"max_new_tokens":${value}}}`],
    ['generate', value => `{"text":["a","b"],"sampling_params":[{},{"max_new_tokens":${value}}]}`],
  ]
  for (const [endpoint, withValue] of bounds) {
    test(`refuses a bound of the output that only some engines read as a number: ${withValue('…')}`, () => {
      for (const value of ['"0"', '"16"', '""', 'false', 'true', '[]', '{}'])
        assert.throws(() => fields(endpoint, withValue(value)), {
          code: 'invalid-request',
          message: /^The field max_(?:completion_|new_)?tokens must be a number$/,
        })
    })

    test(`accepts any number as the bound of the output: ${withValue('…')}`, () => {
      for (const [value, expected] of [
        ['0', true],
        ['0.0', true],
        ['16', false],
        ['16.0', false],
        ['1e2', false],
        ['-1', false],
      ] as const)
        assert.equal(isTokenless(endpoint, withValue(value)).at(-1), expected, value)
    })
  }

  test('reads the seeds of several samples, which must be integers', () => {
    assert.deepEqual(seeds('chat', '{"n":2,"seed":7,"sampling_seed":-8}'), [7n, -8n])
    assert.deepEqual(seeds('chat', '{"n":2,"seed":null}'), [])
    assert.deepEqual(seeds('generate', '{"sampling_params":{"n":2,"sampling_seed":9}}'), [9n])
    assert.deepEqual(seeds('generate', '{"sampling_params":[{"n":2,"seed":1},{"n":2,"seed":2}]}'), [1n, 2n])
    assert.deepEqual(seeds('chat', '{"n":1,"seed":"7"}'), [])
    for (const seed of ['"7"', '7.0', 'true'])
      assert.throws(() => fields('chat', `{"n":2,"seed":${seed}}`), /seed must be an integer/)
  })

  const lax: readonly [GenerationEndpoint, string][] = [
    ['chat', '"stream":"true"'],
    ['chat', '"stream":1'],
    ['chat', '"stream":"no"'],
    ['completions', '"stream":{}'],
    ['generate', '"stream":0'],
    ['chat', '"stream_options":{"include_usage":"yes"}'],
    ['completions', '"echo":1,"logprobs":1'],
    ['completions', '"echo":true,"logprobs":"1"'],
    ['completions', '"echo":true,"logprobs":true'],
    ['generate', '"return_logprob":"true","logprob_start_len":0'],
    ['generate', '"return_logprob":[1],"logprob_start_len":0'],
    ['generate', '"return_logprob":true,"logprob_start_len":"0"'],
  ]
  for (const [endpoint, member] of lax)
    test(`refuses what engines may read as another value: ${endpoint} ${member}`, () =>
      assert.throws(() => fields(endpoint, `{${member}}`), { code: 'invalid-request' }))

  const unequal: readonly [GenerationEndpoint, string, RegExp][] = [
    ['completions', '{"prompt":["a",[1]]}', /prompt\[1\] must be a string/],
    ['completions', '{"prompt":[[1],null]}', /prompt\[1\] must be a list/],
    ['completions', '{"prompt":[true]}', /prompt\[0\] must be a list/],
    ['generate', '{"text":["a",1]}', /text\[1\] must be a string/],
    ['generate', '{"text":["a","b"],"sampling_params":[{}]}', /sampling_params must have one value for each/],
    [
      'generate',
      '{"text":["a","b"],"return_logprob":[true,true,true]}',
      /return_logprob must have one value/,
    ],
    ['generate', '{"text":["a","b"],"rid":["x"]}', /rid must have one value for each of the 2 prompts/],
    ['generate', '{"text":["a","b"],"rid":["x","x"]}', /rid must hold strings that differ/],
    ['generate', '{"text":["a","b"],"rid":["x",1]}', /rid must hold strings that differ/],
  ]
  for (const [endpoint, text, message] of unequal)
    test(`refuses lists that do not fit together: ${text}`, () =>
      assert.throws(() => fields(endpoint, text), { code: 'invalid-request', message }))

  test('refuses more members, or more prompts, than the limits allow', () => {
    const limits = { members: 3, prompts: 2, scanBytes: 1000, nameBytes: 100 }
    const read = (text: string): unknown => readFields('completions', Buffer.from(text), limits)
    read('{"a":1,"b":2,"prompt":["a","b"]}')
    const refused = [
      '{"a":1,"b":2,"c":3,"d":4}',
      '{"prompt":["a","b","c"]}',
      '{"stream_options":{"a":1,"b":1,"c":1,"d":1}}',
    ]
    for (const text of refused)
      assert.throws(() => read(text), {
        code: 'invalid-request',
        message: /more than [23] (?:members|elements)/,
      })
  })

  test('refuses a body of too many short values, but not long texts and lists of numbers', () => {
    const limits = { members: 100, prompts: 100, scanBytes: 10_000, nameBytes: 100 }
    const read = (text: string): unknown => readFields('completions', Buffer.from(text), limits)
    const long = ['"x"', '{"a":[{}]}', '[]'].map(value => `${value},`.repeat(5000))
    read(`{"a":"${'x'.repeat(100_000)}","b":[${'123,'.repeat(10_000)}1],"prompt":["${'y'.repeat(50_000)}"]}`)
    read(`{"prompt":[[${'123,'.repeat(10_000)}1],[${'4,'.repeat(10_000)}5]]}`)
    read(`{"a":[${' '.repeat(100_000)}${'true,'.repeat(5000)}1]}`)
    assert.throws(() => read(`{"a":${' '.repeat(100_000)}1}`), { message: /too many short/ })
    for (const values of [...long, `"${'\\\\'.repeat(20_000)}",`])
      assert.throws(() => read(`{"a":[${values}1]}`), { code: 'invalid-request', message: /too many short/ })
    assert.throws(() => read(`{"a":1${'0'.repeat(70_000)}}`), { message: /more than 4096 digits/ })
  })

  test('refuses a model and a rid longer than the limit, and does not read longer keys', () => {
    const limits = { members: 100, prompts: 100, scanBytes: 10_000, nameBytes: 100 }
    const read = (text: string) => readFields('generate', Buffer.from(text), limits)
    const [fits, long] = ['m'.repeat(100), 'm'.repeat(101)]
    assert.equal(read(`{"model":"${fits}","rid":"${fits}"}`).model, fits)
    for (const member of [`"model":"${long}"`, `"rid":"${long}"`, `"text":["a"],"rid":["${long}"]`])
      assert.throws(() => read(`{${member}}`), { code: 'invalid-request', message: /longer than 100 bytes/ })
    assert.equal(read(`{"${'stream'.repeat(10_000)}":true,"stream":true}`).isStream, true)
  })

  test('names the byte, but not the line, of an error far into a body', () => {
    const text = `{${'\n'.repeat(100_000)}x`
    assert.throws(() => fields('chat', text), { code: 'invalid-json', message: /at byte 100001$/ })
  })

  test('reports the rank that a client pins', () => {
    for (const key of ['routed_dp_rank', 'disagg_prefill_dp_rank', 'data_parallel_rank']) {
      const [routed, prefill] = key === 'disagg_prefill_dp_rank' ? [undefined, 3] : [3, undefined]
      assert.deepEqual(fields('chat', `{"${key}":3}`).ranks, { routed, prefill })
      assert.equal(fields('chat', `{"${key}":"3"}`).ranks?.[prefill === 3 ? 'prefill' : 'routed'], -1)
      assert.equal(fields('chat', `{"${key}":null}`).ranks, undefined)
    }
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

  test('recognizes a request for which engines compute what they have cached again', () => {
    assert.equal(recomputes('generate', '{"return_logprob":true,"logprob_start_len":0}'), true)
    assert.equal(recomputes('generate', '{"return_logprob":true}'), false)
    assert.equal(recomputes('completions', '{"echo":true,"logprobs":1}'), true)
    assert.equal(recomputes('completions', '{"logprobs":1}'), false)
    assert.equal(recomputes('completions', '{"prompt_logprobs":0}'), true)
    assert.equal(recomputes('chat', '{"prompt_logprobs":5}'), true)
    assert.equal(recomputes('chat', '{"prompt_logprobs":null,"logprobs":true}'), false)
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
    ['{"rid":1,"rid":2,"a":1,"bootstrap_port":1,"bootstrap_room":2,"b":1}', '{"a":1,"b":1,'],
  ]
  for (const [text, start] of cut) {
    test(`removes members that the client may not set: ${text}`, () =>
      assert.equal(built('chat', text), `${start}${OURS}}`))
  }

  test('inserts only a rid for a mixed engine', () => {
    const body = Buffer.from('{"text":"a"}')
    const single = buildBody(body, readFields('generate', body), { rid: 'r' }, [])
    assert.equal(bytesOf(single).toString(), '{"text":"a","rid":"r"}')
  })

  test('shares the bytes of a large body instead of copying them', () => {
    const body = Buffer.from(`{"prompt":"${'x'.repeat(1_000_000)}"}`)
    const pieces = buildBody(body, readFields('completions', body), INJECT, [])
    assert.ok(!(pieces instanceof Uint8Array))
    const copied = pieces
      .filter(piece => piece.buffer !== body.buffer)
      .reduce((sum, { length }) => sum + length, 0)
    assert.ok(copied < 200, `${copied} bytes were copied`)
  })

  test('equals JSON.parse and a merge, for any object', () => {
    const keys = fc.constantFrom('a', 'b', 'rid', 'bootstrap_room', 'bootstrap_pair_key', 'é"')
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

suite('A request to /v1/responses', () => {
  test('is named by its request_id, which is replaced', () => {
    const text = '{"model":"m","request_id":"mine","input":"x","rid":"other"}'
    assert.equal(fields('responses', text).clientRid, 'mine')
    assert.equal(
      built('responses', text),
      `{"model":"m","input":"x",${OURS.replace('"rid"', '"request_id"')}}`,
    )
  })

  for (const [field, value, isRefused] of [
    ['previous_response_id', '"resp_1"', true],
    ['previous_response_id', 'null', false],
    ['conversation', '{"id":"conv_1"}', true],
    ['conversation', 'null', false],
    ['background', 'true', true],
    ['background', 'false', false],
    ['store', 'true', false],
  ] as const)
    test(`${isRefused ? 'may not' : 'may'} have the ${field} ${value}`, () => {
      const read = () => fields('responses', `{"model":"m","${field}":${value}}`)
      if (isRefused) assert.throws(read, new RegExp(`The field ${field} is not supported, because`))
      else assert.doesNotThrow(read)
    })

  test('is one request, whatever its n says, and asks for tokens', () => {
    const read = fields('responses', '{"n":3,"max_output_tokens":0,"prompt":["a","b"]}')
    assert.deepEqual([read.n, read.batch, read.sampling.values[0]?.isTokenless], [1, undefined, false])
  })

  for (const [tools, mayHoldBack] of [
    ['[{"type":"function","name":"f"}]', true],
    ['[ ]', false],
    ['null', false],
  ] as const)
    test(`${mayHoldBack ? 'may hold back' : 'sends'} its events with the tools ${tools}`, () =>
      assert.equal(fields('responses', `{"tools":${tools}}`).mayHoldBack, mayHoldBack))
})

suite('A request to /v1/messages', () => {
  test('has no name that its engines take', () => {
    const text = '{"model":"m","rid":"mine","max_tokens":3}'
    assert.equal(fields('messages', text).clientRid, undefined)
    assert.equal(built('messages', text), `{"model":"m","max_tokens":3,${OURS.slice(OURS.indexOf(',') + 1)}}`)
  })

  test('gets the bootstrap fields even if it has no other field', () => {
    assert.equal(built('messages', '{"rid":1}'), `{${OURS.slice(OURS.indexOf(',') + 1)}}`)
  })

  test('sends its events at once, whatever tools it has', () => {
    assert.equal(fields('messages', '{"tools":[{"name":"f"}]}').mayHoldBack, false)
  })
})
