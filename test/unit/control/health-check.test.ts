import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HEALTHY, type HealthState, NEW, nextHealth } from '../../../src/control/health-check.ts'

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
