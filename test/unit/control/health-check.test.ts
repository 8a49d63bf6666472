import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HEALTHY, type HealthState, NEW, nextHealth } from '../../../src/control/health-check.ts'

const THRESHOLDS = { failureThreshold: 3, successThreshold: 2 }

/** `+` a good probe, `-` a bad one. */
function after(start: HealthState, probes: string): HealthState['kind'] {
  let state = start
  for (const probe of probes) state = nextHealth(state, probe === '+', THRESHOLDS)
  return state.kind
}

const CASES: readonly [string, HealthState, string, HealthState['kind']][] = [
  ['a new engine is healthy at its first good probe', NEW, '---+', 'healthy'],
  ['a new engine stays new however often it fails', NEW, '------', 'new'],
  ['failures below the threshold are coped with', HEALTHY, '--', 'healthy'],
  ['failures in a row make it unhealthy', HEALTHY, '---', 'unhealthy'],
  ['a good probe between failures starts the count anew', HEALTHY, '--+--', 'healthy'],
  ['one good probe does not bring an unhealthy engine back', HEALTHY, '---+', 'unhealthy'],
  ['good probes in a row bring it back', HEALTHY, '---++', 'healthy'],
  ['a bad probe between good ones starts the count anew', HEALTHY, '---+-+', 'unhealthy'],
]

for (const [name, start, probes, expected] of CASES) {
  test(name, () => assert.equal(after(start, probes), expected))
}
