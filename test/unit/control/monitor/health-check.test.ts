import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  HEALTHY,
  type HealthState,
  isLost,
  NEW,
  nextHealth,
  nextOutage,
  type ProbeFault,
} from '../../../../src/control/monitor/health-check.ts'

const THRESHOLDS = { failureThreshold: 3, successThreshold: 2 }

/** `+` is a good probe, `-` a bad one. */
function after(start: HealthState, probes: string): HealthState['kind'] {
  let state = start
  for (const probe of probes) state = nextHealth(state, probe === '+', THRESHOLDS)
  return state.kind
}

const CASES: readonly [string, HealthState, string, HealthState['kind']][] = [
  ['a new engine becomes healthy at its first good probe', NEW, '---+', 'healthy'],
  ['a new engine stays new while its probes fail', NEW, '------', 'new'],
  ['fewer failures than the threshold do not change the health', HEALTHY, '--', 'healthy'],
  ['consecutive failures make the engine unhealthy', HEALTHY, '---', 'unhealthy'],
  ['a good probe between failures resets their count', HEALTHY, '--+--', 'healthy'],
  ['one good probe does not make an unhealthy engine healthy', HEALTHY, '---+', 'unhealthy'],
  ['consecutive good probes make it healthy again', HEALTHY, '---++', 'healthy'],
  ['a bad probe between good ones resets their count', HEALTHY, '---+-+', 'unhealthy'],
]

for (const [name, start, probes, expected] of CASES) {
  test(name, () => assert.equal(after(start, probes), expected))
}

const AT = (startedMs: number, hasServed = false) => ({ startedMs, hasServed })
const UNHEALTHY: HealthState = { kind: 'unhealthy', successes: 0 }

test('an outage is slow only if all its probes were slow', () => {
  const slow = nextOutage(nextOutage(undefined, 'slow', AT(0)), 'slow', AT(10))
  assert.deepEqual(slow, { sinceMs: 0, isSlow: true, isRefused: false })
  const mixed = nextOutage(nextOutage(undefined, 'failed', AT(0)), 'slow', AT(10))
  assert.equal(mixed.isSlow, false)
  assert.equal(nextOutage(slow, 'refused', AT(20)).isSlow, false)
})

test('an outage begins again while requests succeed on the engine', () => {
  const outage = nextOutage(undefined, 'failed', AT(0))
  assert.equal(nextOutage(outage, 'failed', AT(10)).sinceMs, 0)
  assert.equal(nextOutage(outage, 'failed', AT(10, true)).sinceMs, 10)
})

const LOSSES: readonly [string, HealthState, ProbeFault, number, boolean][] = [
  ['an unhealthy engine that refuses connections is lost at once', UNHEALTHY, 'refused', 0, true],
  ['a healthy engine that refused one connection is not lost', HEALTHY, 'refused', 90, false],
  ['an unhealthy engine is not lost before the time', UNHEALTHY, 'slow', 59, false],
  ['an unhealthy engine is lost after the time', UNHEALTHY, 'slow', 60, true],
  ['an engine that drains for long is lost', UNHEALTHY, 'failed', 60, true],
]

for (const [name, state, fault, nowMs, expected] of LOSSES) {
  test(name, () => {
    const outage = nextOutage(undefined, fault, AT(0))
    assert.equal(isLost(state, outage, { nowMs, giveUpMs: 60 }), expected)
  })
}
