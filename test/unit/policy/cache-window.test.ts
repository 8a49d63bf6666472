import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import {
  type CacheWindow,
  correctionOf,
  learn,
  type PredictionOutcome,
} from '../../../src/policy/cache-window.ts'

const KNOWN: CacheWindow = { window: 1000, capacity: 5000, longestHit: 800 }

suite('what an engine is believed to remember', () => {
  test('does not change by a hit that was to be expected', () => {
    assert.equal(learn(KNOWN, { age: 700, bytes: 100, cached: 100 }), KNOWN)
    assert.equal(learn(KNOWN, { age: 0, bytes: 100, cached: 80 }), KNOWN)
  })

  test('reaches back as far as the oldest hit', () => {
    const learned = learn(
      { window: 300, capacity: 350, longestHit: 0 },
      { age: 900, bytes: 100, cached: 100 },
    )
    assert.deepEqual(learned, { window: 900, capacity: 1000, longestHit: 900 })
  })

  test('shrinks to what is newer than a prefix that was evicted', () => {
    const learned = learn(KNOWN, { age: 900, bytes: 100, cached: 30 })
    assert.deepEqual(learned, { window: 810, capacity: 810, longestHit: 800 })
  })

  test('is nothing once a prefix is gone although an older one was there', () => {
    const learned = learn(KNOWN, { age: 100, bytes: 100, cached: 0 })
    assert.deepEqual(learned, { window: 0, capacity: 5000, longestHit: 0 })
  })

  test('keeps its capacity when more requests report the same loss', () => {
    const lost = learn(KNOWN, { age: 100, bytes: 100, cached: 0 })
    for (const age of [50, 300, 4000]) assert.equal(learn(lost, { age, bytes: 100, cached: 0 }), lost)
  })

  test('recovers by one hit if nothing had been lost', () => {
    const lost = learn(KNOWN, { age: 100, bytes: 100, cached: 0 })
    const learned = learn(lost, { age: 700, bytes: 100, cached: 100 })
    assert.deepEqual(learned, { window: 700, capacity: 5000, longestHit: 700 })
  })

  test('shrinks, but is not lost, where a part of a prefix was evicted early', () => {
    const learned = learn(KNOWN, { age: 100, bytes: 100, cached: 50 })
    assert.deepEqual(learned, { window: 90, capacity: 90, longestHit: 90 })
  })
})

/** A prefix of 800 of 1,000 bytes that was expected and cached, unless a test says otherwise. */
function outcomeOf(change: Partial<PredictionOutcome>): PredictionOutcome {
  return { age: 700, bytes: 800, cached: 800, predicted: 800, promptBytes: 1000, ...change }
}

suite('a prediction', () => {
  for (const [kind, what, change] of [
    [undefined, 'what was expected was cached', {}],
    [undefined, 'a little less was cached, because engines cache whole pages', { cached: 640 }],
    [undefined, 'a little more was cached', { cached: 890 }],
    [undefined, 'neither was anything expected nor cached', { predicted: 0, cached: 0 }],
    ['unexpected', 'a tenth of the prompt more was cached', { cached: 900 }],
    ['unexpected', 'the prefix was believed to be evicted and was cached', { predicted: 0, age: 2000 }],
    ['unexpected', 'the prompt was never sent there and was cached', { predicted: 0, bytes: 0 }],
    ['evicted', 'a part of it was gone', { cached: 300 }],
    ['evicted', 'it was gone, and no older one was ever found', { cached: 0, age: 900 }],
    ['lost', 'it was gone, and an older one had been found', { cached: 0 }],
  ] as const)
    test(`is ${kind === undefined ? 'right' : `corrected as ${kind}`} if ${what}`, () => {
      assert.equal(correctionOf(KNOWN, outcomeOf(change)), kind)
    })
})
