import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { errorBody, errorTable, GatewayError } from '../../../src/core/errors.ts'

suite('the error table', () => {
  for (const { code, status, fault, retryable } of errorTable()) {
    test(`${code}: a client is to blame for 4xx only, and is never retried`, () => {
      assert.ok(status >= 400 && status <= 599)
      if (fault !== 'client') assert.ok(status >= 500)
      if (fault === 'client') assert.equal(retryable, false)
    })
  }
})

suite('GatewayError', () => {
  test('has what the table says unless told otherwise', () => {
    const { status, type, retryable, fault, leg } = new GatewayError('engine-stalled', 'm')
    assert.deepEqual([status, type, retryable, fault, leg], [504, 'timeout_error', true, 'engine', undefined])
  })

  test('takes an engine’s own status, type and verdict over the table’s', () => {
    const { status, type, retryable } = new GatewayError('engine-error', 'm', {
      status: 413,
      type: 't',
      retryable: false,
    })
    assert.deepEqual([status, type, retryable], [413, 't', false])
  })
})

suite('errorBody', () => {
  test('is OpenAI’s error object', () => {
    assert.deepEqual(JSON.parse(errorBody(new GatewayError('invalid-json', 'a "b"\n'))), {
      error: { message: 'a "b"\n', type: 'invalid_request_error', param: null, code: 'invalid-json' },
    })
  })

  test('names the leg, and the engine’s own code in place of ours', () => {
    const error = new GatewayError('engine-error', 'm', { leg: 'decode', engineCode: 503 })
    assert.deepEqual(JSON.parse(errorBody(error)), {
      error: { message: 'm', type: 'server_error', param: null, code: 503, leg: 'decode' },
    })
  })
})
