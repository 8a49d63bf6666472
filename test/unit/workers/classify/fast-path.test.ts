import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { summarizeFast } from '../../../../workers/classify/fast-path.ts'
import { classifyBody } from '../../../../workers/classify/payload.ts'

const look = (value: unknown) => summarizeFast(Buffer.from(JSON.stringify(value)))
const usage = { prompt_tokens: 7, completion_tokens: 3 }

test('takes a plain good answer at its counts', () => {
  assert.deepEqual(look({ text: 'x', meta_info: usage }), { promptTokens: 7, hasToken: true })
})

test('is not led by words inside a text', () => {
  const text = '"error": "abort", "prompt_tokens": 99, "completion_tokens":0'
  assert.deepEqual(look({ text, meta_info: usage }), { promptTokens: 7, hasToken: true })
})

for (const [why, value] of [
  ['an error', { error: { message: 'no' }, usage }],
  ['an abort', { choices: [{ finish_reason: 'abort' }], usage }],
  ['no token', { text: '', meta_info: { prompt_tokens: 7, completion_tokens: 0 } }],
  ['no counts', { text: 'x' }],
  ['a list', [{ text: 'x', meta_info: usage }]],
] as const) {
  test(`leaves it to a closer look: ${why}`, () => assert.equal(look(value), undefined))
}

test('never calls good what the full judgement calls a failure, and agrees on the counts', () => {
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
      const quick = look(value)
      const full = classifyBody(JSON.stringify(value))
      if (quick === undefined) return
      assert.equal(full.kind, 'good')
      assert.ok(full.kind === 'good' && full.promptTokens === quick.promptTokens && full.hasToken)
    }),
    { seed: 11 },
  )
})
