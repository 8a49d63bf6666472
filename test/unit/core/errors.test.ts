import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { errorBody, errorTable, GatewayError } from '../../../src/core/errors.ts'

const ROOT = join(import.meta.dirname, '../../..')
const SOURCES = globSync(['src/**/*.ts', 'workers/**/*.ts'], { cwd: ROOT })
  .map(path => readFileSync(join(ROOT, path), 'utf8'))
  .join('\n')

suite('the error table', () => {
  for (const { code, status, fault, retryable } of errorTable()) {
    test(`${code}: a 4xx is always the client's fault, and an error of the client is not retryable`, () => {
      assert.ok(status >= 400 && status <= 599)
      if (fault !== 'client') assert.ok(status >= 500)
      if (fault === 'client') assert.equal(retryable, false)
    })

    test(`${code} is produced by the code`, () => {
      assert.match(SOURCES, new RegExp(`new GatewayError\\(\\s*'${code}'`))
    })
  }
})

suite('GatewayError', () => {
  test('has the traits of the table by default', () => {
    const { status, type, retryable, fault, leg } = new GatewayError('engine-stalled', 'm')
    assert.deepEqual([status, type, retryable, fault, leg], [504, 'timeout_error', true, 'engine', undefined])
  })

  test('prefers status, type and retryability of the engine to those of the table', () => {
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

  test('names the leg, and the code of the engine instead of ours', () => {
    const error = new GatewayError('engine-error', 'm', { leg: 'decode', engineCode: 503 })
    assert.deepEqual(JSON.parse(errorBody(error)), {
      error: { message: 'm', type: 'server_error', param: null, code: 503, leg: 'decode' },
    })
  })
})
