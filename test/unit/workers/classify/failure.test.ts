import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import {
  type Failure,
  inStreamFailure,
  mismatchFailure,
  noEngineFailure,
  noTokenFailure,
  stalledFailure,
  statusFailure,
  transportFailure,
  truncatedFailure,
} from '../../../../workers/classify/failure.ts'

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

function refused(status: number, body = '', retryAfter?: string): Failure {
  return statusFailure('decode', status, Buffer.from(body), retryAfter)
}

function messageOnly(message: string): string {
  return JSON.stringify({ object: 'error', message, type: '500', param: null, code: 500 })
}

suite('statusFailure reads the message of', () => {
  const envelopes: readonly [what: string, body: string, told: object][] = [
    ['a nested error', '{"error":{"message":"m"}}', { message: 'm', type: 'server_error', code: 500 }],
    [
      'a nested error of OpenAI',
      '{"error":{"message":"m","type":"t","param":null,"code":"model_not_found"}}',
      { message: 'm', type: 't', code: 'model_not_found' },
    ],
    [
      'a flat error, whose type may repeat the status',
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
    ['a list of details, kept as it is', '{"detail":[{"msg":"m"}]}', { message: '{"detail":[{"msg":"m"}]}' }],
    ['a list', '["m"]', { message: '["m"]' }],
    ['JSON cut short', '{"error":{"mess', { message: '{"error":{"mess' }],
    ['nothing', '', { message: 'The decode engine answered 500.' }],
  ]
  for (const [what, body, told] of envelopes) {
    test(what, () => {
      const { message, type, engineCode: code } = refused(500, body).error
      assert.deepEqual({ message, type, code }, { type: 'server_error', code: 500, ...told })
    })
  }

  test('a page of a proxy, up to a bound', () => {
    const { message } = refused(502, `<html>${'x'.repeat(100_000)}`).error
    assert.ok(message.startsWith('<html>') && message.length <= 4096)
  })
})

suite('statusFailure', () => {
  for (const status of [301, 307, 308])
    test(`tells of a redirect with ${status}, whatever its body says`, () => {
      const { cause, blame, error } = refused(status, '{"error":{"message":"m"}}')
      assert.deepEqual([cause, blame, error.code, error.status], ['status', 'engine', 'engine-protocol', 502])
      assert.equal(
        error.message,
        `The decode engine answered with a redirect (${status}), which is not followed.`,
      )
      assert.ok(error.retryable)
    })

  for (const status of [400, 401, 403, 404, 413, 422, 429, 500, 502, 503]) {
    test(`passes ${status} on, with the leg`, () => {
      const { error, cause } = refused(status)
      assert.deepEqual([cause, error.status, error.leg, error.fault], ['status', status, 'decode', 'engine'])
    })
  }

  test('makes 502 of a status that HTTP does not know, and says which it was', () => {
    const { error, blame } = refused(999)
    assert.deepEqual([error.status, error.engineCode, error.retryable, blame], [502, 999, true, 'engine'])
  })

  const retried: readonly [what: string, failure: Failure, retryable: boolean][] = [
    ...[500, 501, 502, 503, 504].map(
      status => [`${status}`, refused(status), true] as [string, Failure, boolean],
    ),
    ...[400, 401, 403, 404, 413, 415, 422].map(
      status => [`${status}`, refused(status), false] as [string, Failure, boolean],
    ),
    ['429 that names no delay', refused(429), false],
    ['429 that names a delay', refused(429, '', '2'), true],
    ['429 whose delay is a date', refused(429, '', 'Wed, 21 Oct 2026 07:28:00 GMT'), true],
    [
      'a rid that the engine has already',
      refused(400, '{"error":{"message":"Duplicate request ID detected: a"}}'),
      true,
    ],
    [
      'a grammar that the engine cannot follow',
      refused(500, messageOnly('Grammar accept_token failed')),
      false,
    ],
    [
      'a priority that the engine does not take',
      refused(503, messageOnly('Using priority is disabled for this server. Please send ...')),
      false,
    ],
    ...Object.values(TRANSFER).map(
      message =>
        [message.slice(0, 40), refused(500, messageOnly(message)), true] as [string, Failure, boolean],
    ),
  ]
  for (const [what, failure, retryable] of retried) {
    test(`${retryable ? 'allows' : 'forbids'} another attempt after ${what}`, () =>
      assert.equal(failure.error.retryable, retryable))
  }

  for (const [what, message] of Object.entries(TRANSFER)) {
    test(`charges the link for a failed KV transfer (${what})`, () =>
      assert.equal(refused(500, messageOnly(message)).blame, 'link'))
  }

  test('charges the engine for its own 5xx and nobody for a refusal of the request', () => {
    assert.equal(refused(500, 'Internal Server Error').blame, 'engine')
    for (const status of [400, 401, 404, 413, 422, 429]) assert.equal(refused(status).blame, 'none')
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
    test(`reads Retry-After ${JSON.stringify(header)} as ${ms} ms`, () =>
      assert.equal(refused(503, '', header).error.retryAfterMs, ms))
  }

  test('reads a Retry-After that is a date as the time until then', () => {
    const date = new Date(Date.now() + 60_000).toUTCString()
    const ms = refused(429, '', date).error.retryAfterMs ?? 0
    assert.ok(ms > 50_000 && ms <= 60_000, `${ms}`)
  })
})

suite('inStreamFailure', () => {
  const cases: readonly [what: string, status: number | undefined, told: number, retryable: boolean][] = [
    ['an abort without a status', undefined, 500, true],
    ['an abort with 500', 500, 500, true],
    ['an abort with 503', 503, 503, true],
    ['an abort with 400', 400, 400, false],
    ['an abort with a status that is no error', 200, 500, true],
    ['an abort with a status that HTTP does not have', 1000, 500, true],
  ]
  for (const [what, status, told, retryable] of cases) {
    test(`makes ${told} of ${what}`, () => {
      const { cause, error } = inStreamFailure('prefill', 'abort', 'why', status)
      assert.deepEqual(
        [cause, error.status, error.retryable, error.leg, error.message],
        ['abort', told, retryable, 'prefill', 'why'],
      )
    })
  }

  test('charges as a status would be charged', () => {
    assert.equal(inStreamFailure('decode', 'abort', TRANSFER.dead, 500).blame, 'link')
    assert.equal(inStreamFailure('decode', 'error-event', 'CUDA error', 500).blame, 'engine')
    assert.equal(inStreamFailure('decode', 'error-event', 'too long', 400).blame, 'none')
  })

  test('tells what happened where the engine said nothing', () => {
    assert.match(inStreamFailure('decode', 'abort', '', undefined).error.message, /decode engine.*abort/)
  })

  test('answers 502 for what is not the protocol', () => {
    const { cause, blame, error } = inStreamFailure('decode', 'protocol', '<html>', undefined)
    assert.deepEqual([cause, blame, error.status, error.retryable], ['protocol', 'engine', 502, true])
  })
})

suite('transportFailure', () => {
  const cases: readonly [what: string, kind: string, isStaleSocket: boolean, cause: string, blame: string][] =
    [
      ['the engine for a refused connection', 'connect', false, 'transport', 'engine'],
      ['the engine for a reset', 'reset', false, 'transport', 'engine'],
      ['nobody for a keep-alive socket that was dead', 'reset', true, 'stale-socket', 'none'],
      ['nobody for a shortage of our own', 'local', false, 'local', 'none'],
    ]
  for (const [what, kind, isStaleSocket, cause, blame] of cases) {
    test(`charges ${what}`, () => {
      const failure = transportFailure('decode', { kind, message: 'm', isStaleSocket })
      assert.deepEqual([failure.cause, failure.blame], [cause, blame])
      assert.deepEqual([failure.error.status, failure.error.retryable], [502, true])
    })
  }
})

suite('what an attempt finds out by itself', () => {
  const cases: readonly [Failure, cause: string, blame: string, status: number][] = [
    [stalledFailure('decode', 'first token', 50), 'stalled', 'engine', 504],
    [noTokenFailure(), 'no-token', 'engine', 502],
    [mismatchFailure(1, 7), 'token-mismatch', 'engine', 502],
    [truncatedFailure(), 'protocol', 'engine', 502],
    [noEngineFailure('decode'), 'no-engine', 'none', 503],
  ]
  for (const [failure, cause, blame, status] of cases) {
    test(`${cause} may be tried again, else it is a ${status}`, () => {
      assert.deepEqual([failure.cause, failure.blame], [cause, blame])
      assert.deepEqual([failure.error.status, failure.error.retryable], [status, true])
    })
  }
})

suite('a refusal that lies in the request', () => {
  test('is charged to nobody, also where the engine calls it a 500', () => {
    for (const message of [
      'Grammar accept_token failed for req a',
      'Using priority is disabled for this server.',
    ])
      assert.equal(refused(500, messageOnly(message)).blame, 'none')
  })

  for (const [status, type] of [
    [400, 'invalid_request_error'],
    [429, 'rate_limit_error'],
    [500, 'server_error'],
  ] as const)
    test(`of status ${status} has the type ${type} when the engine tells none`, () => {
      assert.equal(refused(status, '{"error":{"message":"m"}}').error.type, type)
    })
})
