import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Leg } from '../../../../../src/core/errors.ts'
import type { Failure } from '../../../../../workers/classify/failure.ts'
import { ResponseScan } from '../../../../../workers/classify/large-body/response-scan.ts'
import { classifyResponse } from '../../../../../workers/classify/response.ts'
import type { Dialect } from '../../../../../workers/dialects/dialect.ts'
import { DONE_DIALECT } from '../../../../../workers/dialects/done-dialect.ts'
import { MESSAGES_DIALECT } from '../../../../../workers/dialects/messages.ts'
import type { ResponseSummary } from '../../../../../workers/dialects/response-summary.ts'
import { RESPONSES_DIALECT } from '../../../../../workers/dialects/responses.ts'
import { rangeAt } from '../../../../../workers/json/scan.ts'
import { withKnownEnds } from '../../../../../workers/json/scan-context.ts'
import { ResponseBody } from '../../../../../workers/upstream/response-body.ts'

const STEP_WORK = 5000
const LONG = 'x\\n'.repeat(100_000)
const ROWS = JSON.stringify(Array.from({ length: 10_000 }, (_, row) => [-row / 7, row, null]))

function bodyOf(text: string, pieceBytes: number): ResponseBody {
  const body = new ResponseBody(Infinity)
  body.start(200, ['content-type', 'application/json'])
  const bytes = Buffer.from(text)
  for (let start = 0; start < bytes.length; start += pieceBytes)
    body.add(bytes.subarray(start, start + pieceBytes))
  return body
}

function scan(leg: Leg, text: string, dialect: Dialect = DONE_DIALECT) {
  let found: ResponseSummary | Failure | undefined
  const body = bodyOf(text, 60_000)
  const work = new ResponseScan({
    leg,
    body,
    dialect,
    stepWork: STEP_WORK,
    onClassified: result => (found = result),
  })
  let steps = 1
  while (!work.step()) {
    assert.equal(found, undefined)
    steps++
  }
  return { found, steps, work, body }
}

/** Without the bytes and texts in which the two ways may differ. */
function comparable(found: ResponseSummary | Failure | undefined): unknown {
  if (found === undefined) return undefined
  if (!('error' in found)) return [found.promptTokens, found.hasToken, found.tokenlessEnd]
  const { cause, error } = found
  return { cause, status: error.status, code: error.code, start: error.message.slice(0, 200) }
}

suite('A large response that is classified in steps', () => {
  for (const [what, text] of [
    ['a text', `{"text":"${LONG}","meta_info":{"prompt_tokens":9,"completion_tokens":3}}`],
    [
      'a choice after large logprobs',
      `{"choices":[{"logprobs":{"content":${ROWS}},"message":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9}}`,
    ],
    ['only a large prompt', `{"text":"","meta_info":{"input_token_logprobs":${ROWS},"prompt_tokens":10000}}`],
    [
      'an abort inside a 200',
      `{"text":"${LONG}","meta_info":{"finish_reason":{"type":"abort","message":"KVTransferError","status_code":500}}}`,
    ],
    ['an error inside a 200', `{"x":${ROWS},"error":{"message":"no \\"KV\\" memory","code":503}}`],
    ['an error with a long message', `{"error":{"message":"short \\u00e9 ${LONG}","code":500}}`],
    ['an empty list after white space', `${' '.repeat(300_000)}[]`],
    ['a list of items', `[{"text":"a","meta_info":{"output_token_logprobs":${ROWS}}}]`],
    ['no JSON', `<html>${LONG}</html>`],
    ['a text that is cut short', `{"text":"${LONG}`],
  ] as const) {
    for (const leg of ['prefill', 'decode'] as const) {
      test(`is classified like one that is read at once: ${what}, of ${leg}`, () => {
        const { found, steps } = scan(leg, text)
        const atOnce = classifyResponse(leg, bodyOf(text, text.length), DONE_DIALECT)
        assert.deepEqual(comparable(found), comparable(atOnce))
        assert.ok(steps > 10, `${steps} steps`)
      })
    }
  }

  for (const [what, dialect, text] of [
    [
      'a long message',
      MESSAGES_DIALECT,
      `{"type":"message","content":[{"type":"text","text":"${LONG}"}],"stop_reason":"end_turn","usage":{"input_tokens":9}}`,
    ],
    [
      'a message without a token',
      MESSAGES_DIALECT,
      `{"type":"message","x":${ROWS},"content":[{"type":"text","text":""}],"stop_reason":"end_turn","usage":{}}`,
    ],
    [
      'a long response',
      RESPONSES_DIALECT,
      `{"object":"response","status":"completed","error":null,"output":[{"content":[{"text":"${LONG}","logprobs":${ROWS}}]}],"usage":{"input_tokens":9}}`,
    ],
    [
      'a response that failed',
      RESPONSES_DIALECT,
      `{"object":"response","instructions":"${LONG}","status":"failed","error":{"message":"400: too long"}}`,
    ],
  ] as const)
    test(`is classified like one that is read at once: ${what}`, () => {
      const atOnce = classifyResponse('decode', bodyOf(text, text.length), dialect)
      assert.deepEqual(comparable(scan('decode', text, dialect).found), comparable(atOnce))
    })

  test('need not be examined again by what changes it', () => {
    const { work, body } = scan('decode', `{"a":${ROWS},"b":{"c":"${LONG}"}}`)
    const { knownEnds } = work
    assert.ok(knownEnds !== undefined)
    const bytes = Buffer.from(body.joined().buffer, body.joined().byteOffset, body.length)
    const find = (): unknown => [rangeAt(bytes, ['a']), rangeAt(bytes, ['b', 'c'])]
    const found = find()
    assert.deepEqual(withKnownEnds([knownEnds], find), found)
  })
})
