import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { type BackoffOptions, backoffMs } from '../../../src/resilience/backoff.ts'

const DEFAULTS = { initialBackoffMs: 100, maxBackoffMs: 10_000, backoffMultiplier: 2, jitterFactor: 0 }

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const anyOptions: fc.Arbitrary<BackoffOptions> = fc.record({
  initialBackoffMs: fc.integer({ min: 1, max: 60_000 }),
  maxBackoffMs: fc.integer({ min: 1, max: 600_000 }),
  backoffMultiplier: fc.double({ min: 1, max: 10, noNaN: true }),
  jitterFactor: fc.double({ min: 0, max: 1, noNaN: true }),
})

suite('backoffMs', () => {
  test('doubles up to the maximum', () => {
    const waits = [1, 2, 3, 7, 8, 9, 5000].map(retry => backoffMs(retry, DEFAULTS, () => 0))
    assert.deepEqual(waits, [100, 200, 400, 6400, 10_000, 10_000, 10_000])
  })

  test('stays between zero and the maximum, for any options, retry and random number', () => {
    fc.assert(
      fc.property(anyOptions, fc.integer({ min: 1, max: 10_000 }), random, (options, retry, value) => {
        const waitMs = backoffMs(retry, options, () => value)
        assert.ok(waitMs >= 0 && waitMs <= options.maxBackoffMs, `${waitMs}`)
      }),
      { seed: 1, numRuns: 2000 },
    )
  })

  test('takes off at most the jitter share', () => {
    fc.assert(
      fc.property(anyOptions, fc.integer({ min: 1, max: 50 }), random, (options, retry, value) => {
        const fullMs = backoffMs(retry, options, () => 0)
        const waitMs = backoffMs(retry, options, () => value)
        assert.ok(waitMs <= fullMs && waitMs >= fullMs * (1 - options.jitterFactor) - 1e-6)
      }),
      { seed: 2, numRuns: 1000 },
    )
  })

  test('never shrinks from one retry to the next', () => {
    fc.assert(
      fc.property(anyOptions, fc.integer({ min: 1, max: 50 }), (options, retry) => {
        assert.ok(backoffMs(retry + 1, options, () => 0) >= backoffMs(retry, options, () => 0))
      }),
      { seed: 3 },
    )
  })
})
