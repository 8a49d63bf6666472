import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { classifyBody } from '../../../../workers/dialects/done-payload.ts'
import { summarizeEventFast, summarizeFast } from '../../../../workers/dialects/fast-path.ts'

const summarize = (value: unknown) => summarizeFast(Buffer.from(JSON.stringify(value)))
const usage = { prompt_tokens: 7, completion_tokens: 3 }

test('recognises a good response by its counts', () => {
  assert.deepEqual(summarize({ text: 'x', meta_info: usage }), {
    promptTokens: 7,
    cached: undefined,
    hasToken: true,
  })
})

test('reads how many tokens were cached, where the engine reports it', () => {
  const native = { text: 'x', meta_info: { ...usage, cached_tokens: 4 } }
  const openAi = { text: 'x', usage: { ...usage, prompt_tokens_details: { cached_tokens: 5 } } }
  assert.deepEqual(summarize(native)?.cached, { promptTokens: 7, cachedTokens: 4 })
  assert.deepEqual(summarize(openAi)?.cached, { promptTokens: 7, cachedTokens: 5 })
  assert.equal(summarize({ text: 'x', usage: { ...usage, prompt_tokens_details: null } })?.cached, undefined)
})

test('is not misled by words inside a text', () => {
  const text = '"error": "abort", "prompt_tokens": 99, "completion_tokens":0'
  assert.deepEqual(summarize({ text, meta_info: usage }), {
    promptTokens: 7,
    cached: undefined,
    hasToken: true,
  })
})

for (const [why, value] of [
  ['an error', { error: { message: 'no' }, usage }],
  ['an abort', { choices: [{ finish_reason: 'abort' }], usage }],
  ['no token', { text: '', meta_info: { prompt_tokens: 7, completion_tokens: 0 } }],
  ['no counts', { text: 'x' }],
  ['a list', [{ text: 'x', meta_info: usage }]],
] as const) {
  test(`must be parsed: ${why}`, () => assert.equal(summarize(value), undefined))
}

test('never recognises what is a failure to the parser, and agrees with it on the counts', () => {
  const text = fc.oneof(fc.string(), fc.constantFrom('"error"', '"abort"', '\\"error\\"', '{"error":1}'))
  const reason = fc.constantFrom('stop', 'length', 'abort', null)
  const body = fc.record({
    text,
    choices: fc.array(fc.record({ finish_reason: reason, message: fc.record({ content: text }) }), {
      minLength: 1,
    }),
    meta_info: fc.record({ prompt_tokens: fc.nat(), completion_tokens: fc.nat(3), note: text }),
  })
  fc.assert(
    fc.property(body, value => {
      const fast = summarize(value)
      const full = classifyBody(JSON.stringify(value))
      if (fast === undefined) return
      assert.equal(full.kind, 'good')
      assert.ok(full.kind === 'good' && full.promptTokens === fast.promptTokens && full.hasToken)
    }),
    { seed: 11 },
  )
})

for (const [index, expected] of [
  [0, { promptTokens: 7, cached: undefined, hasToken: true }],
  [1, undefined],
  [12, undefined],
] as const)
  test(`${expected === undefined ? 'leaves' : 'recognises'} an event of prompt ${index} of a batch`, () => {
    const native = Buffer.from(JSON.stringify({ index, text: 'a', meta_info: usage }))
    assert.deepEqual(summarizeEventFast(native), expected)
    const choices = Buffer.from(JSON.stringify({ choices: [{ index, text: 'a' }], usage }))
    assert.deepEqual(summarizeEventFast(choices), expected)
  })
