import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { createSharedMemory } from '../../../src/shared/layout.ts'
import { PairHealth } from '../../../src/shared/pair-health.ts'

const OPTIONS = { failureThreshold: 3, windowSecs: 10, avoidSecs: 20, maxAvoidSecs: 50 }
const T0 = 64_000

function linksOf(maxEngines = 4): PairHealth {
  return new PairHealth(createSharedMemory(maxEngines, 1), OPTIONS)
}

function fail(links: PairHealth, nowMs: number, times = 1): void {
  for (let time = 0; time < times; time++) links.failed(0, 1, nowMs, false)
}

suite('PairLinks', () => {
  test('avoids a pair after enough failures in a row, and only this pair', () => {
    const links = linksOf()
    fail(links, T0, 2)
    assert.equal(links.isAvoided(0, 1, T0), false)
    fail(links, T0)
    assert.equal(links.isAvoided(0, 1, T0), true)
    assert.equal(links.isAvoided(1, 0, T0), false)
    assert.equal(links.isAvoided(0, 2, T0), false)
  })

  test('avoids a pair at once whose engines say that they have lost each other', () => {
    const links = linksOf()
    links.failed(0, 1, T0, true)
    assert.equal(links.isAvoided(0, 1, T0), true)
  })

  test('does not add up failures that are far apart', () => {
    const links = linksOf()
    for (let each = 0; each < 5; each++) fail(links, T0 + each * 11_000)
    assert.equal(links.isAvoided(0, 1, T0 + 44_000), false)
  })

  test('is made whole by one success', () => {
    const links = linksOf()
    fail(links, T0, 3)
    assert.equal(links.areAllUsable(), false)
    links.succeeded(0, 1)
    assert.deepEqual(
      [links.areAllUsable(), links.isAvoided(0, 1, T0), links.failures(0, 1)],
      [true, false, 0],
    )
  })

  test('avoids it for longer each time it fails again, up to the ceiling', () => {
    const links = linksOf()
    fail(links, T0, 3)
    let nowMs = T0
    for (const avoidMs of [20_000, 40_000, 50_000, 50_000]) {
      assert.equal(links.isAvoided(0, 1, nowMs + avoidMs - 128), true)
      assert.equal(links.isAvoided(0, 1, nowMs + avoidMs + 64), false)
      nowMs += avoidMs + 64
      // The second was sent before the first came back: it says nothing new.
      fail(links, nowMs, 2)
    }
  })

  test('makes all links of a slot whole that changes hands', () => {
    const links = linksOf()
    links.failed(0, 1, T0, true)
    links.failed(2, 1, T0, true)
    links.failed(2, 3, T0, true)
    links.reset(1)
    assert.deepEqual(
      [links.isAvoided(0, 1, T0), links.isAvoided(2, 1, T0), links.isAvoided(2, 3, T0)],
      [false, false, true],
    )
    links.reset(2)
    assert.equal(links.areAllUsable(), true)
  })

  test('has room for every pair of the largest fleet', () => {
    const links = linksOf(1024)
    links.failed(1023, 1023, T0, true)
    assert.equal(links.isAvoided(1023, 1023, T0), true)
    assert.equal(links.isAvoided(0, 0, T0), false)
  })
})
