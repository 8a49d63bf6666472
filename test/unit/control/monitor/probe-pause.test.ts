import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configSchema } from '../../../../src/config/config.ts'
import { HEALTHY, type HealthState, type ProbeFault } from '../../../../src/control/monitor/health-check.ts'
import { pauseBeforeProbe } from '../../../../src/control/monitor/probe-pause.ts'

const CONFIG = configSchema.parse({ health: { intervalSecs: 10 }, engines: { startupCheckIntervalSecs: 2 } })

const CASES: readonly [string, HealthState, ProbeFault | undefined, number][] = [
  ['a healthy engine', HEALTHY, undefined, 10_000],
  ['an engine whose last probe failed', { kind: 'healthy', failures: 1 }, 'slow', 2000],
  ['an engine that refused the last probe', { kind: 'healthy', failures: 1 }, 'refused', 250],
  ['an unhealthy engine', { kind: 'unhealthy', successes: 0 }, 'refused', 2000],
  ['an engine that responds again', { kind: 'unhealthy', successes: 1 }, undefined, 250],
]

for (const [what, state, fault, expected] of CASES) {
  test(`${what} is probed again after ${expected} ms`, () => {
    const outage = fault && { sinceMs: 0, isSlow: fault === 'slow', isRefused: fault === 'refused' }
    assert.equal(pauseBeforeProbe(state, outage, CONFIG), expected)
  })
}
