import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import {
  decideRetry,
  type FailedAttempt,
  type RetryAdvice,
  type RetryDecision,
} from '../../../src/resilience/retry-decision.ts'

const OPTIONS = {
  maxRetries: 3,
  lossHoldMs: 1000,
  initialBackoffMs: 100,
  maxBackoffMs: 10_000,
  backoffMultiplier: 2,
  jitterFactor: 1,
}
const STALE: RetryAdvice = { kind: 'fresh-connection' }

/** A first attempt that failed for a passing reason, with ten seconds left. */
function failedAttempt(change: Partial<FailedAttempt> = {}): FailedAttempt {
  return {
    advice: backoff(0),
    retries: 0,
    hadFreeAttempt: false,
    signOfLifeLeftMs: undefined,
    remainingMs: 10_000,
    ...change,
  }
}

function backoff(minDelayMs: number): RetryAdvice {
  return { kind: 'backoff', minDelayMs }
}

function summaryOf(decision: RetryDecision): string {
  switch (decision.kind) {
    case 'give-up':
      return decision.because
    case 'free-attempt':
      return 'free'
    case 'sign-of-life-wait':
      return `sign of life ${decision.delayMs}`
    case 'shortage-wait':
      return `shortage ${decision.delayMs}`
    case 'retry':
      return `after ${decision.delayMs}${decision.costsBudget ? '' : ', free'}`
  }
}

suite('decideRetry', () => {
  const cases: readonly [what: string, change: Partial<FailedAttempt>, expected: string][] = [
    ['waits the first backoff after the first attempt', {}, 'after 100'],
    ['waits longer after each retry', { retries: 2 }, 'after 400'],
    ['stops when the retries are spent', { retries: 3 }, 'retries-spent'],
    ['stops when another attempt cannot help', { advice: { kind: 'never' } }, 'not-retryable'],
    ['waits as long as the engine asks when that is longer', { advice: backoff(700) }, 'after 700'],
    ['does not shorten the backoff when the engine asks for less', { advice: backoff(20) }, 'after 100'],
    ['stops when the wait would use up the time left', { remainingMs: 100 }, 'deadline'],
    ['stops when the engine asks for more than the time left', { advice: backoff(20_000) }, 'deadline'],
    ['stops when the deadline has passed', { remainingMs: -1 }, 'deadline'],
    [
      "lets a retry after the client's own shortened timer cost the others no budget",
      { advice: { kind: 'backoff', minDelayMs: 0, isClientTimeout: true } },
      'after 100, free',
    ],
    [
      'stops when the request may be what ends its engines and they have had their time',
      { signOfLifeLeftMs: 0 },
      'may-end-engines',
    ],
    [
      'stops even for a free attempt when the request may be what ends its engines',
      { advice: STALE, signOfLifeLeftMs: -5 },
      'may-end-engines',
    ],
    [
      'looks again soon whether engines that may have ended live',
      { signOfLifeLeftMs: 1000 },
      'sign of life 20',
    ],
    ['looks again after as long as it has waited', { signOfLifeLeftMs: 840 }, 'sign of life 160'],
    ['waits for a sign of life no longer than it may', { signOfLifeLeftMs: 5 }, 'sign of life 5'],
    [
      'stops when the wait for a sign of life would use up the time left',
      { advice: STALE, signOfLifeLeftMs: 1000, remainingMs: 20 },
      'may-end-engines',
    ],
    [
      'waits for no sign of life when the retries are spent',
      { signOfLifeLeftMs: 500, retries: 3 },
      'retries-spent',
    ],
    ['grants one free attempt after a stale socket', { advice: STALE }, 'free'],
    ['grants the free attempt even when the retries are spent', { advice: STALE, retries: 3 }, 'free'],
    ['grants only one free attempt', { advice: STALE, hadFreeAttempt: true }, 'after 100'],
    [
      'counts a second stale socket like any other failure',
      { advice: STALE, hadFreeAttempt: true, retries: 3 },
      'retries-spent',
    ],
    ['grants no free attempt past the deadline', { advice: STALE, remainingMs: 0 }, 'deadline'],
    ['waits a fixed time after a local shortage', { advice: { kind: 'local-shortage' } }, 'shortage 25'],
    [
      'waits out a local shortage even when the retries are spent',
      { advice: { kind: 'local-shortage' }, retries: 3 },
      'shortage 25',
    ],
  ]
  for (const [what, change, expected] of cases)
    test(what, () => assert.equal(summaryOf(decideRetry(failedAttempt(change), OPTIONS, () => 0)), expected))

  test('never retries when no retries are configured', () => {
    const options = { ...OPTIONS, maxRetries: 0 }
    assert.equal(summaryOf(decideRetry(failedAttempt(), options, () => 0)), 'retries-spent')
  })

  test('never waits past the deadline nor less than the engine asked, whatever the random number', () => {
    const failed = fc.record({
      advice: fc.option(fc.nat(20_000), { nil: 0 }).map(backoff),
      retries: fc.nat(5),
      hadFreeAttempt: fc.boolean(),
      signOfLifeLeftMs: fc.option(fc.integer({ min: -50, max: 1000 }), { nil: undefined }),
      remainingMs: fc.integer({ min: -100, max: 20_000 }),
    })
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
    fc.assert(
      fc.property(failed, random, (attempt, value) => {
        const decision = decideRetry(attempt, OPTIONS, () => value)
        if (decision.kind === 'give-up') return
        assert.ok(attempt.retries < OPTIONS.maxRetries)
        assert.ok(decision.delayMs < attempt.remainingMs)
        if (attempt.signOfLifeLeftMs !== undefined) {
          assert.equal(decision.kind, 'sign-of-life-wait')
          return assert.ok(decision.delayMs > 0 && decision.delayMs <= attempt.signOfLifeLeftMs)
        }
        assert.equal(decision.kind, 'retry')
        assert.ok(attempt.advice.kind === 'backoff' && decision.delayMs >= attempt.advice.minDelayMs)
      }),
      { seed: 4, numRuns: 2000 },
    )
  })
})
