import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { errorBody, GatewayError } from '../../../src/core/errors.ts'
import { OPENAI_ERRORS } from '../../../src/error-response/error-dialect.ts'
import { toErrorEvent, toErrorResponse } from '../../../src/error-response/error-response.ts'

const ERROR = new GatewayError('queue-full', 'the queue is full')

suite('An error as a response', () => {
  test('has the status of the error and its JSON body', () => {
    const { status, headers, body } = toErrorResponse(ERROR)
    assert.equal(status, 429)
    assert.deepEqual(headers, ['content-type', 'application/json'])
    assert.equal(Buffer.from(body).toString(), errorBody(ERROR))
  })

  test('names the allowed methods when they are given', () => {
    const { headers } = toErrorResponse(
      new GatewayError('method-not-allowed', 'm'),
      OPENAI_ERRORS,
      'GET, OPTIONS',
    )
    assert.deepEqual(headers, ['content-type', 'application/json', 'allow', 'GET, OPTIONS'])
  })

  for (const [retryAfterMs, seconds] of [
    [0, '1'],
    [1, '1'],
    [1000, '1'],
    [1001, '2'],
    [60_000, '60'],
    [60_001, '60'],
    [86_400_000, '60'],
    [Infinity, '60'],
  ] as const)
    test(`asks the client to wait ${seconds} s for a delay of ${retryAfterMs} ms`, () => {
      const { headers } = toErrorResponse(new GatewayError('queue-full', 'm', { retryAfterMs }))
      assert.deepEqual(headers.slice(2), ['retry-after', seconds])
    })
})

test('An error in a stream is one event whose code is the status, and without [DONE]', () => {
  const text = Buffer.from(toErrorEvent(ERROR)).toString()
  const error = { message: 'the queue is full', type: 'overloaded_error', param: null, code: 429 }
  assert.equal(text, `data: ${JSON.stringify({ error: { ...error, reason: 'queue-full' } })}\n\n`)
})
