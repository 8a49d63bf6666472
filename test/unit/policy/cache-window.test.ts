import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { type CacheWindow, learn } from '../../../src/policy/cache-window.ts'

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
