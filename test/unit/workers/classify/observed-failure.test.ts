import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Failure } from '../../../../workers/classify/failure.ts'
import {
  mismatchFailure,
  noTokenFailure,
  type Silence,
  stalledFailure,
  transportFailure,
  truncatedFailure,
} from '../../../../workers/classify/observed-failure.ts'
import type { TransportError } from '../../../../workers/upstream/types.ts'
import { chargeOf } from '../../../support/charge-of.ts'

suite('transportFailure', () => {
  const cases: readonly [
    what: string,
    error: Pick<TransportError, 'kind' | 'isStaleSocket'>,
    cause: string,
    charge: string,
    retry: string,
  ][] = [
    [
      'the engine for a refused connection',
      { kind: 'connect', isStaleSocket: false },
      'transport',
      'decode',
      'backoff',
    ],
    ['the engine for a reset', { kind: 'reset', isStaleSocket: false }, 'transport', 'decode', 'backoff'],
    [
      'nobody for a stale keep-alive socket',
      { kind: 'reset', isStaleSocket: true },
      'stale-socket',
      'nobody',
      'fresh-connection',
    ],
    [
      'nobody for a shortage on this machine',
      { kind: 'local', isStaleSocket: false },
      'local',
      'nobody',
      'local-shortage',
    ],
  ]
  for (const [what, error, cause, charge, retry] of cases) {
    test(`charges ${what}`, () => {
      const failure = transportFailure('decode', { ...error, message: 'm' })
      assert.deepEqual([failure.cause, chargeOf(failure), failure.retry.kind], [cause, charge, retry])
      assert.deepEqual([failure.error.status, failure.error.retryable], [502, true])
    })
  }

  test('rejects a request that undici refuses to write, and charges nobody', () => {
    const failure = transportFailure('decode', { kind: 'invalid', message: 'm', isStaleSocket: false })
    assert.deepEqual([failure.cause, chargeOf(failure), failure.retry.kind], ['protocol', 'nobody', 'never'])
    assert.equal(failure.error.status, 400)
  })
})

suite('what the gateway observes by itself', () => {
  const cases: readonly [Failure, cause: string, charge: string, status: number][] = [
    [stalledFailure({ leg: 'decode', awaited: 'first token', timeoutMs: 50 }), 'stalled', 'decode', 504],
    [noTokenFailure(), 'no-token', 'decode', 502],
    [mismatchFailure(6, 7), 'token-mismatch', 'prefill', 502],
    [truncatedFailure(), 'protocol', 'decode', 502],
  ]
  for (const [failure, cause, charge, status] of cases) {
    test(`${cause} may be retried, else the client gets ${status}`, () => {
      assert.deepEqual([failure.cause, chargeOf(failure)], [cause, charge])
      assert.deepEqual([failure.error.status, failure.error.retryable], [status, true])
      assert.deepEqual(failure.retry, { kind: 'backoff', minDelayMs: 0 })
    })
  }
})

suite('stalledFailure charges', () => {
  const cases: readonly [what: string, silence: Partial<Silence>, charge: string][] = [
    ['the silent engine', { leg: 'prefill' }, 'prefill'],
    ['the pair when each engine waits for the other', { isMutual: true }, 'pair'],
    ['nobody when the client set a shorter timeout', { isClientTimeout: true }, 'nobody'],
    ['nobody for both at once', { isMutual: true, isClientTimeout: true }, 'nobody'],
  ]
  for (const [what, silence, charge] of cases) {
    test(what, () => {
      const failure = stalledFailure({ leg: 'decode', awaited: 'data', timeoutMs: 50, ...silence })
      assert.equal(chargeOf(failure), charge)
      assert.equal(failure.retry.kind, 'backoff')
    })
  }
})
