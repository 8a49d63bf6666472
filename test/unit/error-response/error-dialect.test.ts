import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { GatewayError } from '../../../src/core/errors.ts'
import {
  type ErrorDialect,
  errorDialectAt,
  errorDialectOf,
} from '../../../src/error-response/error-dialect.ts'

const BUSY = new GatewayError('queue-full', 'the queue is full')
const LOST = new GatewayError('engine-unreachable', 'it said "no"\nand left', { leg: 'decode' })

const MESSAGES = errorDialectOf('messages')
const RESPONSES = errorDialectOf('responses')

/** The name and the parsed data of the one event in `text`. */
function eventOf(text: string): [name: string, data: unknown] {
  const [, name = '', data = ''] = /^(?:event: (.+)\n)?data: (.+)\n\n$/.exec(text) ?? []
  return [name, JSON.parse(data)]
}

const bodyOf = (dialect: ErrorDialect, error: GatewayError): unknown => JSON.parse(dialect.body(error))

for (const endpoint of ['chat', 'responses', 'messages'] as const)
  test(`an error of ${endpoint} shows nothing that is not for clients, whole or in a stream`, () => {
    const message = 'KVTransferError(bootstrap_room=73917391): lost 10.1.2.3:8998'
    const dialect = errorDialectOf(endpoint)
    const engineBody = JSON.stringify({ type: 'error', error: { type: 'api_error', message } })
    for (const body of [undefined, engineBody]) {
      const error = new GatewayError('engine-error', message, { status: 500, leg: 'decode', body })
      for (const text of [dialect.body(error), dialect.event(error)]) {
        assert.match(text, /KVTransferError\(bootstrap_room=…\): lost …/)
        assert.doesNotMatch(text, /73917391|10\.1\.2/)
      }
    }
  })

suite("An error in Anthropic's words", () => {
  for (const [code, status, type] of [
    ['invalid-request', 400, 'invalid_request_error'],
    ['unauthorized', 401, 'authentication_error'],
    ['model-not-found', 404, 'not_found_error'],
    ['method-not-allowed', 405, 'invalid_request_error'],
    ['body-too-large', 413, 'request_too_large'],
    ['queue-full', 429, 'rate_limit_error'],
    ['engine-unreachable', 502, 'api_error'],
    ['no-engine-available', 503, 'overloaded_error'],
    ['deadline-exceeded', 504, 'timeout_error'],
  ] as const)
    test(`is of the type ${type} for ${code}`, () => {
      const error = new GatewayError(code, 'why')
      assert.equal(error.status, status)
      assert.deepEqual(bodyOf(MESSAGES, error), { type: 'error', error: { type, message: 'why', code } })
    })

  test('is the one that the engine wrote, if that has the same shape', () => {
    const body = '{"type":"error","error":{"type":"BadRequestError","message":"too long"}}'
    assert.equal(MESSAGES.body(new GatewayError('engine-error', 'too long', { status: 400, body })), body)
  })

  test('takes the message of an engine that wrote it in another shape', () => {
    const body = '{"object":"error","message":"too long","code":400}'
    const error = new GatewayError('engine-error', 'too long', { status: 400, body })
    const expected = { type: 'invalid_request_error', message: 'too long', code: 'engine-error' }
    assert.deepEqual(bodyOf(MESSAGES, error), { type: 'error', error: expected })
  })

  test('shows no bootstrap room of a refused request', () => {
    const message = "Disaggregated request, 'bootstrap_room': 1234567"
    const text = MESSAGES.body(new GatewayError('engine-error', message, { status: 400, leg: 'decode' }))
    assert.doesNotMatch(text, /1234567/)
  })

  test('ends a stream as the event error, and nothing marks the stream as complete', () => {
    const message = 'it said "no"\nand left'
    const error = { type: 'api_error', message, code: 'engine-unreachable', leg: 'decode' }
    assert.deepEqual(eventOf(MESSAGES.event(LOST)), ['error', { type: 'error', error }])
  })
})

suite('An error in the words of the Responses API', () => {
  test('is an OpenAI error as a whole response', () => {
    assert.deepEqual(bodyOf(RESPONSES, BUSY), {
      error: { message: 'the queue is full', type: 'overloaded_error', param: null, code: 'queue-full' },
    })
  })

  test('ends a stream as the event error, with its fields where both the API and its libraries look', () => {
    const message = 'it said "no"\nand left'
    const [name, data] = eventOf(RESPONSES.event(LOST))
    assert.equal(name, 'error')
    assert.partialDeepStrictEqual(data, {
      type: 'error',
      code: 'engine-unreachable',
      message,
      param: null,
      error: { message, code: 502, reason: 'engine-unreachable' },
    })
  })
})

for (const [path, dialect] of [
  ['/v1/messages', MESSAGES],
  ['/v1/messages/batches', MESSAGES],
  ['/v1/responses', RESPONSES],
  ['/v1/responses/resp_1', RESPONSES],
  ['/v1/chat/completions', errorDialectOf('chat')],
  ['/nothing', errorDialectOf('models')],
] as const)
  test(`errors at ${path} are worded as its API words them`, () =>
    assert.equal(errorDialectAt(path), dialect))

test('tokens are counted in the words of Messages', () => {
  assert.equal(errorDialectOf('count-tokens'), MESSAGES)
})

for (const [endpoint, done] of [
  ['generate', 'data: [DONE]\n\n'],
  ['chat', 'data: [DONE]\n\n'],
  ['completions', 'data: [DONE]\n\n'],
  ['responses', ''],
  ['messages', ''],
] as const)
  test(`a complete stream of ${endpoint} ends with ${done.trim() || 'its last event'}`, () =>
    assert.equal(errorDialectOf(endpoint).done, done))
