import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { InputLogprobs } from '../../../../workers/response/input-logprobs.ts'

const PROMPT = '[[null,1,null],[-0.5,2,"é"]]'
const TOP = '[null,[[-0.5,2,"é"]]]'
const DONE = 'data: [DONE]\n\n'

/** Prefill's response as text; `lists` are further members of its meta_info. */
function prefillResponse(lists: string, index?: number): string {
  const indexMember = index === undefined ? '' : `"index":${index},`
  return `{${indexMember}"text":"x","meta_info":{"id":"r","prompt_tokens":2,${lists}}}`
}

function merged(prefill: string, decode: string): string {
  const editor = new InputLogprobs(Buffer.from(prefill), false)
  return editor.editBody(Buffer.from(decode)).toString()
}

function mergedEvents(prefill: string, ...blocks: readonly string[]): string {
  const editor = new InputLogprobs(Buffer.from(prefill), true)
  return blocks.map(block => editor.editEvents(Buffer.from(block)).toString()).join('')
}

/** A token event with `outputs` logprob rows, after `tokens` generated tokens. */
function eventOf(inputs: string, tokens: number, outputs: number, index?: number): string {
  const list = Array.from({ length: outputs }, () => '[-1,3,null]').join(',')
  const indexMember = index === undefined ? '' : `"index":${index},`
  return `data: {${indexMember}"text":"é","meta_info":{"completion_tokens":${tokens},"input_token_logprobs":${inputs},"output_token_logprobs":[${list}]}}\n\n`
}

suite('InputLogprobs of a body', () => {
  const prefill = prefillResponse(`"input_token_logprobs":${PROMPT}`)

  const cases: readonly [what: string, decode: string, expected: string][] = [
    [
      'replaces an empty list and changes no other byte',
      '{ "text" : "é\\u00e9" ,"meta_info":{"a":1.50e1, "input_token_logprobs": [], "z":[ 1 ]} }\n',
      `{ "text" : "é\\u00e9" ,"meta_info":{"a":1.50e1, "input_token_logprobs": ${PROMPT}, "z":[ 1 ]} }\n`,
    ],
    [
      'is inserted before decode’s own rows',
      '{"meta_info":{"input_token_logprobs":[[-2,9,null]]}}',
      '{"meta_info":{"input_token_logprobs":[[null,1,null],[-0.5,2,"é"],[-2,9,null]]}}',
    ],
    [
      'replaces null',
      '{"meta_info":{"input_token_logprobs":null}}',
      `{"meta_info":{"input_token_logprobs":${PROMPT}}}`,
    ],
    [
      'is added if decode has no such member',
      '{"meta_info":{"id":"r"}}',
      `{"meta_info":{"id":"r","input_token_logprobs":${PROMPT}}}`,
    ],
    ['is not added without meta_info', '{"text":"a"}', '{"text":"a"}'],
  ]
  for (const [what, decode, expected] of cases)
    test(what, () => assert.equal(merged(prefill, decode), expected))

  test('inserts all three kinds of lists, each into its own field', () => {
    const lists = `"input_token_logprobs":${PROMPT},"input_top_logprobs":${TOP},"input_token_ids_logprobs":[null,[]]`
    const decode = '{"meta_info":{"input_top_logprobs":[],"input_token_logprobs":[],"x":1}}'
    assert.equal(
      merged(prefillResponse(lists), decode),
      `{"meta_info":{"input_top_logprobs":${TOP},"input_token_logprobs":${PROMPT},"x":1,"input_token_ids_logprobs":[null,[]]}}`,
    )
  })

  test('leaves decode’s response unchanged if prefill has no logprobs', () => {
    const decode = '{"meta_info":{"input_token_logprobs":[]}}'
    assert.equal(merged('{"text":"x","meta_info":{}}', decode), decode)
    assert.equal(merged('{"text":"x"}', decode), decode)
  })

  test('puts prefill’s row of named tokens where decode has null or none for the first output token', () => {
    const prefillRows = prefillResponse('"output_token_ids_logprobs":[[[-1,7,null]]]')
    const outputs = '"output_token_logprobs":[[-1,3,null],[-2,4,null]]'
    const whole = `{"meta_info":{"output_token_ids_logprobs":[[[-1,7,null]],[[-2,7,null]]],${outputs}}}`
    for (const rows of ['[null,[[-2,7,null]]]', '[[[-2,7,null]]]', '[[[-1,7,null]],[[-2,7,null]]]'])
      assert.equal(
        merged(prefillRows, `{"meta_info":{"output_token_ids_logprobs":${rows},${outputs}}}`),
        whole,
      )
  })

  test('has no row of named tokens without an output token', () => {
    const prefillRows = prefillResponse('"output_token_ids_logprobs":[[[-1,7,null]]]')
    for (const rows of ['[null]', '[]'])
      assert.equal(
        merged(prefillRows, `{"meta_info":{"output_token_ids_logprobs":${rows},"output_token_logprobs":[]}}`),
        '{"meta_info":{"output_token_ids_logprobs":[],"output_token_logprobs":[]}}',
      )
  })

  test('takes the flat arrays of the prompt and their shape from prefill', () => {
    const flat =
      '"input_top_logprobs_val_flat":[-1,-2],"input_top_logprobs_idx_flat":[5,6],"input_top_logprobs_shape":[2,2],"input_top_logprobs_null_prefix":1'
    const empty =
      '"input_top_logprobs_val_flat":[],"input_top_logprobs_idx_flat":[],"input_top_logprobs_shape":[0,2]'
    assert.equal(
      merged(prefillResponse(flat), `{"meta_info":{${empty},"x":1}}`),
      `{"meta_info":{${flat.slice(0, flat.lastIndexOf(','))},"x":1,"input_top_logprobs_null_prefix":1}}`,
    )
  })

  test('merges each prompt of a batch with its own rows', () => {
    const prefills = ['[1]', '[2]', '[3]'].map(list => prefillResponse(`"input_token_logprobs":[${list}]`))
    const decodes = Array.from({ length: 3 }, () => '{"meta_info":{"input_token_logprobs":[]}}')
    const expected = ['[1]', '[2]', '[3]'].map(list => `{"meta_info":{"input_token_logprobs":[${list}]}}`)
    assert.equal(merged(`[${prefills.join(', ')}]`, `[${decodes.join(' , ')}]`), `[${expected.join(' , ')}]`)
  })
})

suite('InputLogprobs of a stream', () => {
  const prefill = `data: ${prefillResponse(`"input_token_logprobs":${PROMPT}`)}\n\n${DONE}`

  test('are inserted into every event if events are cumulative', () => {
    const actual = mergedEvents(
      prefill,
      eventOf('[]', 1, 1),
      eventOf('[]', 2, 2) + eventOf('[]', 3, 3) + DONE,
    )
    assert.equal(actual, eventOf(PROMPT, 1, 1) + eventOf(PROMPT, 2, 2) + eventOf(PROMPT, 3, 3) + DONE)
  })

  test('are inserted into the first event only if events are incremental', () => {
    const actual = mergedEvents(
      prefill,
      eventOf('[]', 2, 2),
      eventOf('[]', 3, 1) + eventOf('[]', 5, 2) + DONE,
    )
    assert.equal(actual, eventOf(PROMPT, 2, 2) + eventOf('[]', 3, 1) + eventOf('[]', 5, 2) + DONE)
  })

  test('are inserted into the first event of each prompt of a batch, however they are interleaved', () => {
    const both = [0, 1]
      .map(index => `data: ${prefillResponse(`"input_token_logprobs":[[${index}]]`, index)}\n\n`)
      .join('')
    const actual = mergedEvents(both, eventOf('[]', 1, 1, 1) + eventOf('[]', 1, 1, 0), eventOf('[]', 2, 1, 1))
    assert.equal(actual, eventOf('[[1]]', 1, 1, 1) + eventOf('[[0]]', 1, 1, 0) + eventOf('[]', 2, 1, 1))
  })

  test('change no byte of comments, errors, foreign events and [DONE]', () => {
    for (const block of [
      ': ping\n\n',
      DONE,
      'data: {"error":{"message":"m"}}\n\n',
      'data:{"text":"a"}\r\n\r\n',
      'data: <html>\n\n',
      'data: {"meta_info" 1}\n\n',
    ]) {
      assert.equal(mergedEvents(prefill, block), block)
    }
  })
})
