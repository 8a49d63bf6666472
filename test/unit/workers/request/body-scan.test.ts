import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { GenerationEndpoint } from '../../../../src/core/endpoint.ts'
import type { GatewayError } from '../../../../src/core/errors.ts'
import { BodyScan } from '../../../../workers/request/body-scan.ts'
import { type RequestFields, readFields } from '../../../../workers/request/fields.ts'

const LIMITS = { members: 64, prompts: 64, scanBytes: 100_000, nameBytes: 100 }

/** Reads the body in steps. */
function scan(
  body: Buffer,
  stepWork = 5000,
  endpoint: GenerationEndpoint = 'generate',
): { result: unknown; steps: number } {
  let result: unknown
  const work = new BodyScan({
    endpoint,
    body,
    fieldOptions: LIMITS,
    stepWork,
    onFields: fields => (result = comparable(fields)),
    onError: error => (result = error),
  })
  let steps = 1
  while (!work.step()) steps++
  return { result, steps }
}

/** Buffers and lengths aside. */
function comparable({ promptLengths, ...fields }: RequestFields): unknown {
  return { ...fields, longest: promptLengths.longest() }
}

const LONG = 'x'.repeat(200_000)

suite('A body that is read in steps', () => {
  for (const text of [
    `{"text":"${LONG}","stream":true,"rid":"r"}`,
    `{"input_ids":[1${',12'.repeat(100_000)}],"sampling_params":{"n":2,"seed":5}}`,
    `{"text":["${LONG}","é${LONG}"],"rid":["a","b"],"return_logprob":[true,false],"x":{"y":[[["${LONG}"]]]}}`,
    `{"input_ids":[[1${',2'.repeat(9)}],[1${',2'.repeat(60_000)}]],"pad":${' '.repeat(100_000)}1}`,
  ]) {
    test(`has the same fields as one that is read at once: ${text.slice(0, 30)}`, () => {
      const body = Buffer.from(text)
      const { result, steps } = scan(body)
      assert.deepEqual(result, comparable(readFields('generate', body)))
      assert.ok(steps > 5, `${steps} steps`)
    })
  }

  for (const [endpoint, text] of [
    [
      'responses',
      `{"input":"${LONG}","request_id":"r","rid":"x","model":"m","stream":true,"tools":[{"name":"${LONG}"}]}`,
    ],
    ['messages', `{"messages":[{"content":"${LONG}"}],"rid":"x","stream":true,"model":"m","n":2}`],
  ] as const)
    test(`has the same fields as one that is read at once: that of ${endpoint}`, () => {
      const body = Buffer.from(text)
      const { result, steps } = scan(body, 5000, endpoint)
      assert.deepEqual(result, comparable(readFields(endpoint, body)))
      assert.ok(steps > 5, `${steps} steps`)
    })

  test('is refused if it needs the memory of one engine', () => {
    const { result } = scan(Buffer.from(`{"input":"${LONG}","background":true}`), 5000, 'responses')
    assert.match(String(result), /The field background is not supported/)
  })

  for (const [what, body, message] of [
    ['that is not UTF-8', Buffer.concat([Buffer.from(`{"text":"${LONG}`), Buffer.from([0xff])]), /UTF-8/],
    ['with a character cut short', Buffer.from(`{"text":"${LONG}é`).subarray(0, -1), /UTF-8/],
    ['that ends in a text', Buffer.from(`{"text":"${LONG}`), /unterminated string at line 1, column 9 /],
    ['with a wrong bracket', Buffer.from(`{"text":"${LONG}","x":[[1}]}`), /unexpected closing bracket at/],
    ['with more after the object', Buffer.from(`{"text":"${LONG}"}{`), /nothing after the object at/],
    [
      'of too many short values',
      Buffer.from(`{"x":"${LONG}","text":["a"${',"a"'.repeat(100_000)}]}`),
      /more than 64/,
    ],
  ] as const) {
    test(`is refused like one that is read at once: ${what}`, () => {
      const { result } = scan(body)
      assert.throws(
        () => {
          throw result
        },
        { message },
      )
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- checked by its code
      const { code } = result as GatewayError
      assert.throws(() => readFields('generate', body, LIMITS), { code })
    })
  }

  test('is checked for UTF-8 whatever the steps cut in two', () => {
    const body = Buffer.from(`{"text":"${'é漢😀'.repeat(3000)}"}`)
    for (let stepWork = 100; stepWork < 120; stepWork++) {
      const { result } = scan(body, stepWork)
      assert.ok(!(result instanceof Error), String(result))
    }
  })
})
