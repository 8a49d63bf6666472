import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import {
  type CacheWindow,
  correctionOf,
  learn,
  type PredictionOutcome,
} from '../../../src/policy/cache-window.ts'

const KNOWN: CacheWindow = { window: 1000, capacity: 5000, longestHit: 800 }

/** A prefix of 100 of 1,000 bytes that was expected and cached, of an engine known as `KNOWN`, unless a test says otherwise. */
function prefixOf(change: Partial<PredictionOutcome>): PredictionOutcome {
  return {
    promptBytes: 1000,
    predicted: 100,
    isUnderway: false,
    usedBytes: 100,
    age: 700,
    window: 1000,
    cached: 100,
    uncachedTokens: 900,
    ...change,
  }
}

suite('what an engine is believed to remember', () => {
  test('does not change by a hit that was to be expected', () => {
    assert.equal(learn(KNOWN, prefixOf({})), KNOWN)
    assert.equal(learn(KNOWN, prefixOf({ age: 0, cached: 80 })), KNOWN)
  })

  test('does not change by a prompt that the engine has never used', () => {
    assert.equal(learn(KNOWN, prefixOf({ predicted: 0, usedBytes: 0, cached: 0 })), KNOWN)
  })

  test('reaches back as far as the oldest hit', () => {
    const known = { window: 300, capacity: 350, longestHit: 0 }
    const learned = learn(known, prefixOf({ age: 900, window: 300 }))
    assert.deepEqual(learned, { window: 900, capacity: 1000, longestHit: 900 })
  })

  test('shrinks to what is newer than a prefix that was evicted', () => {
    const learned = learn(KNOWN, prefixOf({ age: 900, cached: 30 }))
    assert.deepEqual(learned, { window: 810, capacity: 810, longestHit: 800 })
  })

  test('is nothing once a prefix is gone although an older one was there', () => {
    const learned = learn(KNOWN, prefixOf({ age: 100, cached: 0 }))
    assert.deepEqual(learned, { window: 0, capacity: 5000, longestHit: 0 })
  })

  test('is nothing once a prefix is gone that was used just before', () => {
    const learned = learn({ ...KNOWN, longestHit: 0 }, prefixOf({ age: 0, cached: 0 }))
    assert.deepEqual(learned, { window: 0, capacity: 5000, longestHit: 0 })
  })

  test('keeps its capacity when more requests report the same loss', () => {
    const lost = learn(KNOWN, prefixOf({ age: 100, cached: 0 }))
    for (const age of [50, 300, 4000]) assert.equal(learn(lost, prefixOf({ age, cached: 0 })), lost)
  })

  test('keeps its capacity when they do so after the engine has computed more', () => {
    const more = { window: 900, capacity: 5000, longestHit: 0 }
    assert.equal(learn(more, prefixOf({ age: 300, cached: 0 })), more)
  })

  test('keeps its capacity when a prefix is gone that was not expected when the engine got the prompt', () => {
    for (const cached of [0, 30])
      assert.equal(learn(KNOWN, prefixOf({ age: 300, window: 200, cached })), KNOWN)
  })

  test('recovers by one hit if nothing had been lost', () => {
    const lost = learn(KNOWN, prefixOf({ age: 100, cached: 0 }))
    const learned = learn(lost, prefixOf({}))
    assert.deepEqual(learned, { window: 700, capacity: 5000, longestHit: 700 })
  })

  test('shrinks, but is not lost, where a part of a prefix was evicted early', () => {
    const learned = learn(KNOWN, prefixOf({ age: 100, cached: 50 }))
    assert.deepEqual(learned, { window: 90, capacity: 90, longestHit: 90 })
  })

  test('does not shrink to nothing where a part of a prefix is gone that was used just before', () => {
    assert.equal(learn(KNOWN, prefixOf({ age: 0, cached: 50 })), KNOWN)
  })

  test('does not change by a prefix that was still being computed, unless it was cached', () => {
    const underway = { isUnderway: true, age: 900 }
    for (const cached of [0, 50]) assert.equal(learn(KNOWN, prefixOf({ ...underway, cached })), KNOWN)
    assert.equal(learn(KNOWN, prefixOf(underway)).longestHit, 900)
  })

  test('does not change by a prefix that may have been cached whole, as what follows it has small tokens', () => {
    const dense = { age: 900, cached: 50, uncachedTokens: 600 }
    assert.equal(learn(KNOWN, prefixOf(dense)), KNOWN)
    assert.equal(learn(KNOWN, prefixOf({ ...dense, uncachedTokens: 601 })).window, 810)
  })
})

/** A prefix of 800 of 1,000 bytes that was expected and cached, unless a test says otherwise. Tokens have four bytes. */
function outcomeOf(change: Partial<PredictionOutcome>): PredictionOutcome {
  const { cached = 800 } = change
  return prefixOf({ usedBytes: 800, predicted: 800, cached, uncachedTokens: (1000 - cached) / 4, ...change })
}

suite('a prediction', () => {
  for (const [kind, what, change] of [
    [undefined, 'what was expected was cached', {}],
    [undefined, 'a little less was cached, because engines cache whole pages', { cached: 640 }],
    [undefined, 'a little more was cached', { cached: 890 }],
    [undefined, 'neither was anything expected nor cached', { predicted: 0, cached: 0 }],
    ['unexpected', 'a tenth of the prompt more was cached', { cached: 900 }],
    ['unexpected', 'the prefix was believed to be evicted and was cached', { predicted: 0, age: 2000 }],
    ['unexpected', 'the prompt was never sent there and was cached', { predicted: 0, usedBytes: 0 }],
    ['evicted', 'a part of it was gone', { cached: 300 }],
    ['evicted', 'it was gone, and no older one was ever found', { cached: 0, age: 900 }],
    ['lost', 'it was gone, and an older one had been found', { cached: 0 }],
    ['lost', 'it was gone, and had been used just before', { cached: 0, age: 0 }],
    [undefined, 'it was still being computed', { cached: 0, isUnderway: true }],
    [
      undefined,
      'it was still being computed, and a part of it was cached',
      { cached: 300, isUnderway: true },
    ],
    ['unexpected', 'it was still being computed, and more was cached', { cached: 900, isUnderway: true }],
    [undefined, 'a loss has been reported since the engine got the prompt', { cached: 0, window: 1001 }],
    [undefined, 'the rest has small tokens', { cached: 300, uncachedTokens: 133 }],
    ['evicted', 'even small tokens do not explain it', { cached: 300, uncachedTokens: 134 }],
    [
      'lost',
      'the rest has small tokens, but next to nothing was cached',
      { cached: 79, uncachedTokens: 133 },
    ],
  ] as const)
    test(`is ${kind === undefined ? 'right' : `corrected as ${kind}`} if ${what}`, () => {
      assert.equal(correctionOf(KNOWN, outcomeOf(change)), kind)
    })
})
