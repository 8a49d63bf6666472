import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { errorBody, type Leg } from '../../../../src/core/errors.ts'
import type { Failure } from '../../../../workers/classify/failure.ts'
import { inStreamFailure, statusFailure } from '../../../../workers/classify/reported-failure.ts'
import { DIALECTS } from '../../../../workers/dialects/dialects.ts'
import { classifyPayload } from '../../../../workers/dialects/done-payload.ts'
import type { ReportedFailure } from '../../../../workers/dialects/error-inside-200.ts'
import { chargeOf } from '../../../support/charge-of.ts'

const TRANSFER = {
  bootstrap:
    "Prefill bootstrap failed for request rank=0 req.rid='a' req.bootstrap_room=4 with exception KVTransferError(bootstrap_room=4): Request 4 timed out after 300.0s in KVPoll.Bootstrapping",
  transfer:
    "Prefill transfer failed for request rank=0 req.rid='a' req.bootstrap_room=4 with exception RuntimeError",
  handshake: "Decode handshake failed for request rank=0 decode_req.req.rid='a'",
  decodeTransfer: "Decode transfer failed for request rank=0 decode_req.req.rid='a'",
  session: 'Decode instance could be dead, remote mooncake session 10.0.0.1:7 is not alive',
  dead: 'Failed to get kvcache from prefill instance, it might be dead',
  notReady: 'Metadata unexpectedly not ready after readiness gate (bootstrap_room=0)',
  corrupt: 'Metadata corruption detected - bootstrap_room mismatch',
}

function statusOf(status: number, body = '', retryAfter?: string): Failure {
  return statusFailure('decode', status, Buffer.from(body), { retryAfter })
}

function failureInStream(
  leg: Leg,
  what: ReportedFailure['what'],
  message: string,
  status: number | undefined,
): Failure {
  return inStreamFailure(leg, { kind: 'failure', what, message, status })
}

function messageOnly(message: string): string {
  return JSON.stringify({ object: 'error', message, type: '500', param: null, code: 500 })
}

suite('statusFailure reads the message of', () => {
  const envelopes: readonly [what: string, body: string, expected: object][] = [
    ['a nested error', '{"error":{"message":"m"}}', { message: 'm', type: 'server_error', code: 500 }],
    [
      'a nested error of OpenAI',
      '{"error":{"message":"m","type":"t","param":null,"code":"model_not_found"}}',
      { message: 'm', type: 't', code: 'model_not_found' },
    ],
    [
      'a flat error whose type repeats the status',
      '{"object":"error","message":"m","type":"500","param":null,"code":500}',
      { message: 'm', type: 'server_error', code: 500 },
    ],
    [
      'a flat error with a type of its own',
      '{"object":"error","message":"m","type":"BadRequestError","param":null,"code":400}',
      { message: 'm', type: 'BadRequestError', code: 400 },
    ],
    ['a bare error text', '{"error":"m"}', { message: 'm', type: 'server_error', code: 500 }],
    ['a detail text', '{"detail":"m"}', { message: 'm', type: 'server_error', code: 500 }],
    [
      'an error of the messages API',
      '{"type":"error","error":{"type":"overloaded_error","message":"m"}}',
      { message: 'm', type: 'overloaded_error', code: 500 },
    ],
    ['plain text', 'Internal Server Error\n', { message: 'Internal Server Error', code: 500 }],
    ['a list of details', '{"detail":[{"msg":"m"},{"msg":"n"}]}', { message: 'm; n' }],
    [
      'a list of details with their places',
      '{"detail":[{"type":"missing","loc":["body","messages",0],"msg":"Field required"}]}',
      { message: 'body.messages.0: Field required' },
    ],
    ['a list of unknown details', '{"detail":[7]}', { message: '{"detail":[7]}' }],
    ['a list', '["m"]', { message: '["m"]' }],
    ['JSON cut short', '{"error":{"mess', { message: '{"error":{"mess' }],
    ['an empty body', '', { message: 'The decode engine responded with status 500' }],
  ]
  for (const [what, body, expected] of envelopes) {
    test(what, () => {
      const { message, type, engineCode: code } = statusOf(500, body).error
      assert.deepEqual({ message, type, code }, { type: 'server_error', code: 500, ...expected })
    })
  }

  test('the page of a proxy, up to a limit', () => {
    const { message } = statusOf(502, `<html>${'x'.repeat(100_000)}`).error
    assert.ok(message.startsWith('<html>') && message.length <= 4096)
  })
})

suite('the body for the client', () => {
  const nested = '{"error": {"message": "m", "type": "BadRequestError", "param": "n", "code": 400}}'
  const flat = { object: 'error', message: 'm', type: 'BadRequestError', param: null, code: 400 }

  test('is a nested error byte for byte', () => {
    assert.equal(errorBody(statusOf(400, nested).error), nested)
  })

  test('has a flat error twice: as the engine wrote it, and under `error`', () => {
    const body: unknown = JSON.parse(errorBody(statusOf(400, JSON.stringify(flat)).error))
    assert.deepEqual(body, { ...flat, error: flat })
  })

  for (const [what, text, message] of [
    ['a detail', '{"detail":"No such adapter"}', 'No such adapter'],
    ['a bare text', '{"error":"Unauthorized"}', 'Unauthorized'],
    ['no JSON', 'Bad Gateway', 'Bad Gateway'],
  ] as const)
    test(`is an error object of ours for ${what}`, () => {
      const body: unknown = JSON.parse(errorBody(statusOf(404, text).error))
      const type = 'invalid_request_error'
      assert.deepEqual(body, { error: { message, type, param: null, code: 404, leg: 'decode' } })
    })

  test('is that of the engine also for an error inside a stream', () => {
    for (const error of [
      flat,
      { message: 'm', type: 'invalid_request_error', code: 400, retryable: false },
    ]) {
      const reported = classifyPayload(JSON.stringify({ error }))
      assert.ok(reported.kind === 'failure')
      const failure = inStreamFailure('decode', reported)
      assert.deepEqual([failure.error.status, failure.error.type], [400, error.type])
      assert.deepEqual(JSON.parse(errorBody(failure.error)), { error })
    }
  })
})

suite('statusFailure', () => {
  for (const status of [301, 307, 308])
    test(`reports a redirect with ${status}, whatever its body says`, () => {
      const failure = statusOf(status, '{"error":{"message":"m"}}')
      const { cause, error } = failure
      assert.deepEqual(
        [cause, chargeOf(failure), error.code, error.status],
        ['status', 'decode', 'engine-protocol', 502],
      )
      assert.equal(
        error.message,
        `The decode engine responded with a redirect (${status}), which is not followed`,
      )
      assert.ok(error.retryable)
    })

  for (const status of [400, 401, 403, 413, 422, 429, 500, 502, 503]) {
    test(`forwards ${status} and names the leg`, () => {
      const { error, cause } = statusOf(status)
      assert.deepEqual([cause, error.status, error.leg, error.fault], ['status', status, 'decode', 'engine'])
    })
  }

  for (const [status, body] of [
    [404, '{"detail":"Not Found"}'],
    [404, '404 page not found\n'],
    [404, '<html><head><title>404 Not Found</title></head></html>'],
    [404, '{"error":{"message":"Not Found","type":"Not Found","param":null,"code":404}}'],
    [405, '{"detail":"Method Not Allowed"}'],
    [404, ''],
    [405, ''],
  ] as const) {
    test(`charges the engine for ${status} with ${body || 'no body'}, because it does not serve the path`, () => {
      const failure = statusOf(status, body)
      assert.deepEqual(
        [failure.error.code, failure.error.status, chargeOf(failure)],
        ['engine-protocol', 502, 'decode'],
      )
      assert.ok(failure.error.retryable)
    })
  }

  test('forwards a 404 that names what was not found', () => {
    const vllm = '{"error":{"message":"The model `x` does not exist.","type":"NotFoundError","code":404}}'
    const failure = statusOf(404, vllm)
    const { error, cause, retry } = failure
    assert.deepEqual([cause, error.status, error.leg, error.fault], ['status', 404, 'decode', 'engine'])
    assert.deepEqual([error.retryable, retry.kind, chargeOf(failure)], [false, 'never', 'nobody'])
  })

  test('replaces a status that HTTP does not define by 502, and names it in the code', () => {
    const failure = statusOf(999)
    const { status, engineCode, retryable } = failure.error
    assert.deepEqual([status, engineCode, retryable, chargeOf(failure)], [502, 999, true, 'decode'])
  })

  const retried: readonly [what: string, failure: Failure, retryable: boolean][] = [
    ...[500, 501, 502, 503, 504].map(
      status => [`${status}`, statusOf(status), true] as [string, Failure, boolean],
    ),
    ...[400, 401, 403, 413, 415, 422].map(
      status => [`${status}`, statusOf(status), false] as [string, Failure, boolean],
    ),
    ['429 without a delay', statusOf(429), false],
    ['429 with a delay', statusOf(429, '', '2'), true],
    ['429 with a date as delay', statusOf(429, '', 'Wed, 21 Oct 2026 07:28:00 GMT'), true],
    [
      'a rid that the engine already has',
      statusOf(400, '{"error":{"message":"Duplicate request ID detected: a"}}'),
      true,
    ],
    [
      'a grammar that the output cannot follow',
      statusOf(500, messageOnly('Grammar accept_token failed')),
      false,
    ],
    [
      'a priority that the engine does not accept',
      statusOf(503, messageOnly('Using priority is disabled for this server. Please send ...')),
      false,
    ],
    ...Object.values(TRANSFER).map(
      message =>
        [message.slice(0, 40), statusOf(500, messageOnly(message)), true] as [string, Failure, boolean],
    ),
  ]
  for (const [what, failure, retryable] of retried) {
    test(`${retryable ? 'allows' : 'forbids'} another attempt after ${what}`, () => {
      assert.equal(failure.error.retryable, retryable)
      assert.equal(failure.retry.kind, retryable ? 'backoff' : 'never')
    })
  }

  for (const [what, message] of Object.entries(TRANSFER)) {
    test(`charges the pair for a failed KV transfer (${what})`, () =>
      assert.match(chargeOf(statusOf(500, messageOnly(message))), /pair$/))
  }

  test('charges the engine for its own 5xx, and nobody for a rejected request', () => {
    assert.equal(chargeOf(statusOf(500, 'Internal Server Error')), 'decode')
    for (const status of [400, 401, 413, 422, 429]) assert.equal(chargeOf(statusOf(status)), 'nobody')
  })

  const waits: readonly [header: string | undefined, ms: number | undefined][] = [
    ['2', 2000],
    [' 3 ', 3000],
    ['0', 0],
    ['0.5', 500],
    ['-1', undefined],
    ['', undefined],
    ['soon', undefined],
    ['1e3', undefined],
    ['Wed, 21 Oct 2015 07:28:00 GMT', 0],
    ['Wed, 21 Oct 2015', undefined],
    ['2099-10-21', undefined],
    [undefined, undefined],
  ]
  for (const [header, ms] of waits) {
    test(`reads Retry-After ${JSON.stringify(header)} as ${ms} ms`, () => {
      const { error, retry } = statusOf(503, '', header)
      assert.equal(error.retryAfterMs, ms)
      assert.deepEqual(retry, { kind: 'backoff', minDelayMs: ms ?? 0 })
    })
  }

  test('reads a Retry-After date as the time until then', () => {
    const date = new Date(Date.now() + 60_000).toUTCString()
    const ms = statusOf(429, '', date).error.retryAfterMs ?? 0
    assert.ok(ms > 50_000 && ms <= 60_000, `${ms}`)
  })
})

suite('inStreamFailure', () => {
  const cases: readonly [what: string, status: number | undefined, expected: number, retryable: boolean][] = [
    ['an abort without a status', undefined, 500, true],
    ['an abort with 500', 500, 500, true],
    ['an abort with 503', 503, 503, true],
    ['an abort with 400', 400, 400, false],
    ['an abort whose status is not an error', 200, 500, true],
    ['an abort whose status HTTP does not define', 1000, 500, true],
  ]
  for (const [what, status, expected, retryable] of cases) {
    test(`gives the client ${expected} for ${what}`, () => {
      const { cause, error } = failureInStream('prefill', 'abort', 'why', status)
      assert.deepEqual(
        [cause, error.status, error.retryable, error.leg, error.message],
        ['abort', expected, retryable, 'prefill', 'why'],
      )
    })
  }

  test('charges the same as an error status does', () => {
    assert.equal(chargeOf(failureInStream('decode', 'abort', TRANSFER.dead, 500)), 'lost pair')
    assert.equal(chargeOf(failureInStream('decode', 'error-event', 'CUDA error', 500)), 'decode')
    assert.equal(chargeOf(failureInStream('decode', 'error-event', 'too long', 400)), 'nobody')
  })

  const refusals = [
    "The input (5000 tokens) is longer than the model's context length (4096 tokens).",
    'Input length (4100 tokens) exceeds the maximum allowed length (4090 tokens). Use a shorter input or enable --allow-auto-truncate.',
    "Requested token count exceeds the model's maximum context length of 4096 tokens. You requested a total of 9000 tokens",
    'Request abc exceeds the maximum number of tokens: 50000 > 40000',
    'Multimodal prompt is too long after expanding multimodal tokens.',
    "This model's maximum context length is 1024 tokens. However, your prompt contains at least 1025 input tokens",
    'The decoder prompt (length 2000) is longer than the maximum model length of 1024.',
  ]
  for (const message of refusals) {
    test(`is a refusal of the prompt, with or without a status: ${message.slice(0, 50)}`, () => {
      const failures = [
        failureInStream('prefill', 'error-event', message, undefined),
        failureInStream('prefill', 'abort', message, 500),
        failureInStream('prefill', 'abort', message, 400),
        statusFailure(
          'prefill',
          500,
          Buffer.from(JSON.stringify({ message: `Internal server error: ${message}` })),
        ),
        statusFailure('prefill', 400, Buffer.from(JSON.stringify({ error: { message } }))),
      ]
      for (const failure of failures) {
        const { error, retry } = failure
        assert.deepEqual([error.status, retry.kind, chargeOf(failure)], [400, 'never', 'nobody'])
        assert.ok(error.message.endsWith(message))
      }
    })
  }
  for (const [what, payload, status, type, code] of [
    [
      'a 400 with a type',
      '{"error":{"message":"m","type":"BAD_REQUEST","code":400}}',
      400,
      'BAD_REQUEST',
      400,
    ],
    ['a 400 without a type', '{"error":{"message":"m","code":400}}', 400, 'invalid_request_error', 400],
    [
      'a type that stands for a 400, and a code in words',
      '{"error":{"message":"m","type":"invalid_request_error","code":"too_long"}}',
      400,
      'invalid_request_error',
      'too_long',
    ],
    ['a type of vLLM', '{"error":{"message":"m","type":"NotFoundError"}}', 404, 'NotFoundError', 404],
    [
      'an abort with a 400',
      '{"meta_info":{"finish_reason":{"type":"abort","message":"m","status_code":400,"err_type":"BadRequestError"}}}',
      400,
      'BadRequestError',
      400,
    ],
  ] as const)
    test(`keeps status, type and code of ${what}, and charges nobody`, () => {
      const reported = classifyPayload(payload)
      assert.ok(reported.kind === 'failure')
      const failure = inStreamFailure('decode', reported)
      const { error } = failure
      assert.deepEqual(
        [error.status, error.type, error.engineCode, error.retryable],
        [status, type, code, false],
      )
      assert.equal(chargeOf(failure), 'nobody')
    })

  test('names the leg and the kind when the engine gives no message', () => {
    assert.match(failureInStream('decode', 'abort', '', undefined).error.message, /decode engine.*abort/)
  })

  test('gives the client 502 for bytes that are not JSON', () => {
    const failure = failureInStream('decode', 'protocol', '<html>', undefined)
    const { cause, error } = failure
    assert.deepEqual(
      [cause, chargeOf(failure), error.status, error.retryable],
      ['protocol', 'decode', 502, true],
    )
  })
})

suite('a failure whose reason lies in the request', () => {
  test('is charged to nobody, even with status 500', () => {
    for (const message of [
      'Grammar accept_token failed for req a',
      'Using priority is disabled for this server.',
    ])
      assert.equal(chargeOf(statusOf(500, messageOnly(message))), 'nobody')
  })

  for (const [status, type] of [
    [400, 'invalid_request_error'],
    [429, 'rate_limit_error'],
    [500, 'server_error'],
  ] as const)
    test(`of status ${status} has the type ${type} when the engine names none`, () => {
      assert.equal(statusOf(status, '{"error":{"message":"m"}}').error.type, type)
    })
})

suite('an engine that has too much to do', () => {
  const texts = [
    'The request queue is full.',
    'Request waiting timeout reached.',
    'The request is aborted by a higher priority request.',
    'The engine is currently busy and cannot accept new requests. Please try again later or on a different instance.',
  ]
  for (const message of texts) {
    const responses = DIALECTS.responses
    const wrapped = JSON.stringify({ error: { message: `503: ${message}`, code: 400 } })
    const failures: readonly [how: string, failure: Failure][] = [
      ['a status', statusOf(503, messageOnly(message))],
      ['an abort', failureInStream('decode', 'abort', message, 503)],
      ['an abort without a status', failureInStream('decode', 'abort', message, undefined)],
      ['an error event', failureInStream('decode', 'error-event', message, 503)],
      ['the message of a 400', statusFailure('decode', 400, Buffer.from(wrapped), { dialect: responses })],
    ]
    for (const [how, failure] of failures)
      test(`is charged for nothing, and gets no retry for a second: ${how}, ${message}`, () => {
        assert.equal(chargeOf(failure), 'nobody')
        assert.deepEqual(failure.retry, { kind: 'backoff', minDelayMs: 1000 })
        const { error } = failure
        assert.equal(error.retryAfterMs, 1000)
        assert.ok(error.status >= 500 && error.message.endsWith(message))
      })
  }

  test('may name another time', () => {
    const failure = statusOf(503, messageOnly('The request queue is full.'), '7')
    assert.deepEqual([chargeOf(failure), failure.retry], ['nobody', { kind: 'backoff', minDelayMs: 7000 }])
  })

  test('says so by the type where its words are hidden', () => {
    const hidden = { type: 'error', error: { type: 'overloaded_error', message: 'Internal server error' } }
    const body = Buffer.from(JSON.stringify(hidden))
    const failure = statusFailure('decode', 503, body, { dialect: DIALECTS.messages })
    assert.deepEqual([chargeOf(failure), failure.retry], ['nobody', { kind: 'backoff', minDelayMs: 1000 }])
  })

  test('is not meant by another 503', () => {
    for (const message of ['', 'Service Unavailable', 'Prefill server not fully registered yet'])
      assert.deepEqual(
        [chargeOf(statusOf(503, message)), statusOf(503, message).error.retryAfterMs],
        ['decode', undefined],
      )
  })

  test('has nothing to do with the time limit of a running request, which the next attempt would reach, too', () => {
    const message = 'Request running timeout reached.'
    for (const failure of [
      statusOf(503, messageOnly(message)),
      failureInStream('decode', 'abort', message, 503),
    ])
      assert.deepEqual([chargeOf(failure), failure.retry.kind], ['nobody', 'never'])
  })
})

suite('a pair is charged as lost', () => {
  for (const what of ['session', 'dead'] as const)
    test(`when one engine reports the other as dead (${what})`, () =>
      assert.equal(chargeOf(statusOf(500, messageOnly(TRANSFER[what]))), 'lost pair'))

  for (const what of ['bootstrap', 'transfer', 'handshake', 'decodeTransfer', 'notReady', 'corrupt'] as const)
    test(`not when a single transfer failed (${what})`, () =>
      assert.equal(chargeOf(statusOf(500, messageOnly(TRANSFER[what]))), 'pair'))
})
