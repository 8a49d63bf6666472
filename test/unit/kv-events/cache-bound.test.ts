import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { bounded } from '../../../src/kv-events/cache-bound.ts'

const KNOWN = { window: 900_000, capacity: 1_000_000, longestHit: 800_000 }
/** Two bytes of prompts to each token, and room for 50,000 of them. */
const FULL = { computedBytes: 240_000, storedTokens: 120_000, removedTokens: 70_000, heldTokens: 50_000 }

suite('the room of a cache', () => {
  test('is what the engine holds once it evicts', () => {
    assert.deepEqual(bounded(KNOWN, FULL), { window: 100_000, capacity: 100_000, longestHit: 100_000 })
  })

  for (const [what, turnover] of [
    ['before anything was removed', { ...FULL, removedTokens: 0 }],
    ['while part of what it holds is from before', { ...FULL, storedTokens: 40_000 }],
    [
      'before anything was stored',
      { ...FULL, storedTokens: 0, heldTokens: 0, computedBytes: 0, removedTokens: 0 },
    ],
    ['if less was learned from responses', { ...FULL, computedBytes: 24_000_000 }],
  ] as const)
    test(`is what was believed ${what}`, () => assert.equal(bounded(KNOWN, turnover), KNOWN))
})
