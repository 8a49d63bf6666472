import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { type BackoffOptions, backoffMs } from '../../../src/resilience/backoff.ts'

const DEFAULTS = { initialBackoffMs: 100, maxBackoffMs: 10_000, backoffMultiplier: 2, jitterFactor: 0 }

const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const options: fc.Arbitrary<BackoffOptions> = fc.record({
  initialBackoffMs: fc.integer({ min: 1, max: 60_000 }),
  maxBackoffMs: fc.integer({ min: 1, max: 600_000 }),
  backoffMultiplier: fc.double({ min: 1, max: 10, noNaN: true }),
  jitterFactor: fc.double({ min: 0, max: 1, noNaN: true }),
})

suite('backoffMs', () => {
  test('doubles up to its ceiling', () => {
    const waits = [1, 2, 3, 7, 8, 9, 5000].map(retry => backoffMs(retry, DEFAULTS, () => 0))
    assert.deepEqual(waits, [100, 200, 400, 6400, 10_000, 10_000, 10_000])
  })

  test('stays within zero and its ceiling, for any options, retry and chance', () => {
    fc.assert(
      fc.property(options, fc.integer({ min: 1, max: 10_000 }), chance, (each, retry, luck) => {
        const waitMs = backoffMs(retry, each, () => luck)
        assert.ok(waitMs >= 0 && waitMs <= each.maxBackoffMs, `${waitMs}`)
      }),
      { seed: 1, numRuns: 2000 },
    )
  })

  test('lets chance take away its share and no more', () => {
    fc.assert(
      fc.property(options, fc.integer({ min: 1, max: 50 }), chance, (each, retry, luck) => {
        const fullMs = backoffMs(retry, each, () => 0)
        const waitMs = backoffMs(retry, each, () => luck)
        assert.ok(waitMs <= fullMs && waitMs >= fullMs * (1 - each.jitterFactor) - 1e-6)
      }),
      { seed: 2, numRuns: 1000 },
    )
  })

  test('never shrinks from one retry to the next', () => {
    fc.assert(
      fc.property(options, fc.integer({ min: 1, max: 50 }), (each, retry) => {
        assert.ok(backoffMs(retry + 1, each, () => 0) >= backoffMs(retry, each, () => 0))
      }),
      { seed: 3 },
    )
  })
})
