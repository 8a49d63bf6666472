import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { type BreakerState, CLOSED } from '../../../src/core/breaker-state.ts'
import { admits, afterProbe, isPanic, mustOpen } from '../../../src/resilience/circuit-breaker.ts'

const OPTIONS = {
  failureThreshold: 10,
  successThreshold: 3,
  minSamples: 20,
  failureShare: 0.5,
  openMs: 1000,
  probeTimeoutMs: 300,
}

suite('a closed breaker', () => {
  type Case = readonly [
    what: string,
    ended: readonly [number, number, number],
    inFlight: number,
    expected: boolean,
  ]
  const cases: readonly Case[] = [
    ['stays closed while nothing fails', [5000, 0, 0], 0, false],
    ['stays closed below the share', [5000, 500, 2], 0, false],
    ['stays closed below the minimum number of samples', [1, 9, 9], 0, false],
    ['stays closed below the threshold, whatever the share', [0, 9, 9], 0, false],
    ['opens at the share', [10, 10, 1], 0, true],
    ['stays closed at the share of ended requests while as many are in flight', [10, 10, 1], 20, false],
    ['opens after a run of failures, however good the window was', [100_000, 10, 10], 20, true],
    ['stays closed for the first failures of a burst', [0, 10, 10], 100, false],
    ['opens when half of a burst has failed', [0, 50, 50], 100, true],
  ]
  for (const [what, [ok, failed, inARow], inFlight, expected] of cases)
    test(what, () => assert.equal(mustOpen({ ok, failed, inARow }, inFlight, OPTIONS), expected))
})

suite('admission', () => {
  const cases: readonly [what: string, state: BreakerState, nowMs: number, expected: boolean][] = [
    ['is free when closed', CLOSED, 0, true],
    ['is refused when open', { kind: 'open', untilMs: 1000 }, 999, false],
    ['is a probe once the breaker has been open long enough', { kind: 'open', untilMs: 1000 }, 1000, true],
    ['is a probe when that was days ago and the clock has wrapped', { kind: 'open', untilMs: 1e8 }, 0, true],
    ['waits for the current probe', { kind: 'half-open', probeUntilMs: 300 }, 299, false],
    ['does not wait for a probe that has expired', { kind: 'half-open', probeUntilMs: 300 }, 300, true],
    ['is a probe when there is no other', { kind: 'half-open', probeUntilMs: undefined }, 0, true],
  ]
  for (const [what, state, nowMs, expected] of cases)
    test(what, () => assert.equal(admits(state, nowMs, OPTIONS), expected))
})

suite('the end of a probe', () => {
  const free: BreakerState = { kind: 'half-open', probeUntilMs: undefined }
  test('opens when it failed', () =>
    assert.deepEqual(afterProbe('failed', 3, 50, OPTIONS), { kind: 'open', untilMs: 1050 }))
  test('lets the next request probe when the outcome was neutral', () =>
    assert.deepEqual(afterProbe('neutral', 3, 50, OPTIONS), free))
  test('lets the next request probe while too few were good', () =>
    assert.deepEqual(afterProbe('good', 2, 50, OPTIONS), free))
  test('closes when enough were good', () => assert.deepEqual(afterProbe('good', 3, 50, OPTIONS), CLOSED))
})

suite('panic', () => {
  const cases: readonly [engines: number, ejected: number, expected: boolean][] = [
    [1, 0, false],
    [1, 1, true],
    [2, 1, false],
    [2, 2, true],
    [3, 1, false],
    [3, 2, true],
    [10, 5, false],
    [10, 6, true],
  ]
  for (const [engines, ejected, expected] of cases)
    test(`${ejected} of ${engines} ejected: ${expected}`, () =>
      assert.equal(isPanic(engines, ejected, 0.5), expected))
  test('never excludes the last engine, whatever the share', () => assert.equal(isPanic(2, 2, 1), true))
})
