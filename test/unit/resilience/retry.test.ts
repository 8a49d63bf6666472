import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { decideRetry, type FailedAttempt, type RetryDecision } from '../../../src/resilience/retry.ts'

const OPTIONS = {
  maxRetries: 3,
  initialBackoffMs: 100,
  maxBackoffMs: 10_000,
  backoffMultiplier: 2,
  jitterFactor: 1,
}

/** A first attempt that failed for a passing reason, with ten seconds left. */
function failedAttempt(change: Partial<FailedAttempt> = {}): FailedAttempt {
  return {
    retries: 0,
    isRetryable: true,
    wasStale: false,
    hadFreeAttempt: false,
    retryAfterMs: undefined,
    remainingMs: 10_000,
    ...change,
  }
}

function told(decision: RetryDecision): string {
  if (!decision.retry) return decision.because
  return decision.isFree ? 'free' : `after ${decision.delayMs}`
}

suite('decideRetry', () => {
  const cases: readonly [what: string, change: Partial<FailedAttempt>, expected: string][] = [
    ['waits the first backoff after the first attempt', {}, 'after 100'],
    ['waits longer after each', { retries: 2 }, 'after 400'],
    ['stops when its retries are spent', { retries: 3 }, 'retries-spent'],
    ['does not try again what cannot get better', { isRetryable: false }, 'not-retryable'],
    ['waits as long as the engine asks when that is longer', { retryAfterMs: 700 }, 'after 700'],
    ['does not wait shorter because the engine asks less', { retryAfterMs: 20 }, 'after 100'],
    ['stops when the wait would take all that is left', { remainingMs: 100 }, 'deadline'],
    ['stops when the engine asks for more than is left', { retryAfterMs: 20_000 }, 'deadline'],
    ['stops when the deadline has passed', { remainingMs: -1 }, 'deadline'],
    ['gives one attempt free after a stale socket', { wasStale: true }, 'free'],
    ['gives it also when retries are spent', { wasStale: true, retries: 3 }, 'free'],
    ['gives only one', { wasStale: true, hadFreeAttempt: true }, 'after 100'],
    [
      'counts a second stale socket as any failure',
      { wasStale: true, hadFreeAttempt: true, retries: 3 },
      'retries-spent',
    ],
    ['gives none where the client wants no more', { wasStale: true, isRetryable: false }, 'not-retryable'],
    ['gives none past the deadline', { wasStale: true, remainingMs: 0 }, 'deadline'],
  ]
  for (const [what, change, expected] of cases)
    test(what, () => assert.equal(told(decideRetry(failedAttempt(change), OPTIONS, () => 0)), expected))

  test('retries nothing when no retries are configured', () => {
    assert.equal(told(decideRetry(failedAttempt(), { ...OPTIONS, maxRetries: 0 }, () => 0)), 'retries-spent')
  })

  test('never waits past the deadline nor less than the engine asked, whatever chance says', () => {
    const failed = fc.record({
      retries: fc.nat(5),
      isRetryable: fc.constant(true),
      wasStale: fc.constant(false),
      hadFreeAttempt: fc.boolean(),
      retryAfterMs: fc.option(fc.nat(20_000), { nil: undefined }),
      remainingMs: fc.integer({ min: -100, max: 20_000 }),
    })
    const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
    fc.assert(
      fc.property(failed, chance, (attempt, luck) => {
        const decision = decideRetry(attempt, OPTIONS, () => luck)
        if (!decision.retry) return
        assert.ok(attempt.retries < OPTIONS.maxRetries)
        assert.ok(decision.delayMs < attempt.remainingMs)
        assert.ok(decision.delayMs >= (attempt.retryAfterMs ?? 0))
      }),
      { seed: 4, numRuns: 2000 },
    )
  })
})
