import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { type BreakerState, CLOSED } from '../../../src/core/breaker-state.ts'
import type { Standing } from '../../../src/resilience/admissible.ts'
import { afterProbe, mustOpen, standingOf } from '../../../src/resilience/circuit-breaker.ts'

const OPTIONS = {
  failureThreshold: 10,
  successThreshold: 3,
  minSamples: 20,
  failureShare: 0.5,
  openMs: 1000,
  earlyProbeMs: 200,
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

suite('the standing of an engine', () => {
  const open: BreakerState = { kind: 'open', untilMs: 1000 }
  const cases: readonly [what: string, state: BreakerState, nowMs: number, expected: Standing][] = [
    ['is free when closed', CLOSED, 0, 'closed'],
    ['is refused when open', open, 199, 'open'],
    ['allows an early probe for a while before the breaker has been open long enough', open, 200, 'early'],
    ['allows no more until then', open, 999, 'early'],
    ['is a probe once the breaker has been open long enough', open, 1000, 'probe'],
    [
      'is a probe when that was days ago and the clock has wrapped',
      { kind: 'open', untilMs: 1e8 },
      0,
      'probe',
    ],
    ['waits for the current probe', { kind: 'half-open', probeUntilMs: 300 }, 299, 'open'],
    ['does not wait for a probe that has expired', { kind: 'half-open', probeUntilMs: 300 }, 300, 'probe'],
    ['is a probe when there is no other', { kind: 'half-open', probeUntilMs: undefined }, 0, 'probe'],
  ]
  for (const [what, state, nowMs, expected] of cases)
    test(what, () => assert.equal(standingOf(state, nowMs, OPTIONS), expected))
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
