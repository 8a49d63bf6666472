import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { createSharedMemory } from '../../../src/shared/layout.ts'
import { PairHealth } from '../../../src/shared/pair-health.ts'

const OPTIONS = { failureThreshold: 3, windowSecs: 10, avoidSecs: 20, maxAvoidSecs: 50 }
const T0 = 64_000

function pairsOf(maxEngines = 4): PairHealth {
  return new PairHealth(createSharedMemory(maxEngines, 1), OPTIONS)
}

function fail(pairs: PairHealth, nowMs: number, times = 1): void {
  for (let time = 0; time < times; time++) pairs.failed(0, 1, nowMs, false)
}

suite('PairHealth', () => {
  test('avoids a pair after enough failures in a row, and only this pair', () => {
    const pairs = pairsOf()
    fail(pairs, T0, 2)
    assert.equal(pairs.isAvoided(0, 1, T0), false)
    fail(pairs, T0)
    assert.equal(pairs.isAvoided(0, 1, T0), true)
    assert.equal(pairs.isAvoided(1, 0, T0), false)
    assert.equal(pairs.isAvoided(0, 2, T0), false)
  })

  test('avoids a lost pair at once', () => {
    const pairs = pairsOf()
    pairs.failed(0, 1, T0, true)
    assert.equal(pairs.isAvoided(0, 1, T0), true)
  })

  test('does not add up failures that are far apart', () => {
    const pairs = pairsOf()
    for (let failure = 0; failure < 5; failure++) fail(pairs, T0 + failure * 11_000)
    assert.equal(pairs.isAvoided(0, 1, T0 + 44_000), false)
  })

  test('is cleared by one success', () => {
    const pairs = pairsOf()
    fail(pairs, T0, 3)
    assert.equal(pairs.areAllUsable(), false)
    pairs.succeeded(0, 1)
    assert.deepEqual(
      [pairs.areAllUsable(), pairs.isAvoided(0, 1, T0), pairs.failures(0, 1)],
      [true, false, 0],
    )
  })

  test('avoids a pair for longer each time it fails again, up to the maximum', () => {
    const pairs = pairsOf()
    fail(pairs, T0, 3)
    let nowMs = T0
    for (const avoidMs of [20_000, 40_000, 50_000, 50_000]) {
      assert.equal(pairs.isAvoided(0, 1, nowMs + avoidMs - 128), true)
      assert.equal(pairs.isAvoided(0, 1, nowMs + avoidMs + 64), false)
      nowMs += avoidMs + 64
      // The second was sent before the first failed, so it shows nothing new.
      fail(pairs, nowMs, 2)
    }
  })

  test('clears all pairs of a slot that gets another engine', () => {
    const pairs = pairsOf()
    pairs.failed(0, 1, T0, true)
    pairs.failed(2, 1, T0, true)
    pairs.failed(2, 3, T0, true)
    pairs.reset(1)
    assert.deepEqual(
      [pairs.isAvoided(0, 1, T0), pairs.isAvoided(2, 1, T0), pairs.isAvoided(2, 3, T0)],
      [false, false, true],
    )
    pairs.reset(2)
    assert.equal(pairs.areAllUsable(), true)
  })

  test('has room for every pair of the largest fleet', () => {
    const pairs = pairsOf(1024)
    pairs.failed(1023, 1023, T0, true)
    assert.equal(pairs.isAvoided(1023, 1023, T0), true)
    assert.equal(pairs.isAvoided(0, 0, T0), false)
  })
})
