import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { GatewayError } from '../../../../src/core/errors.ts'
import type { Failure } from '../../../../workers/classify/failure.ts'
import { afterRequestedAbort } from '../../../../workers/classify/failure.ts'
import { stalledFailure } from '../../../../workers/classify/observed-failure.ts'
import {
  abortedFailure,
  noEngineFailure,
  rejectedFailure,
} from '../../../../workers/classify/request-failure.ts'
import { chargeOf } from '../../../support/charge-of.ts'

suite('a failure without an engine is charged to nobody', () => {
  const cases: readonly [Failure, cause: string, status: number, retryable: boolean][] = [
    [noEngineFailure('decode'), 'no-engine', 503, true],
    [abortedFailure(), 'abort', 499, false],
    [rejectedFailure(new GatewayError('model-not-found', 'm')), 'status', 404, false],
  ]
  for (const [failure, cause, status, retryable] of cases) {
    test(`${cause} with status ${status}`, () => {
      assert.deepEqual([failure.cause, chargeOf(failure)], [cause, 'nobody'])
      assert.deepEqual([failure.error.status, failure.error.retryable], [status, retryable])
      assert.equal(failure.retry.kind, retryable ? 'backoff' : 'never')
    })
  }
})

test('a failure after a requested abort keeps its cause and error, charges nobody and is not retried', () => {
  const reported = stalledFailure({ leg: 'decode', awaited: 'data', timeoutMs: 50 })
  const failure = afterRequestedAbort(reported)
  assert.deepEqual([failure.cause, failure.error], [reported.cause, reported.error])
  assert.deepEqual([chargeOf(failure), failure.retry.kind], ['nobody', 'never'])
})
