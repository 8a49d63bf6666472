/** Tests of what scenarios demand: bench/scenarios/expectations.ts and bench/process/cost-log.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  amplification,
  atLeast,
  atMost,
  badRefusals,
  goodputPerSecond,
  hangsOf,
  mostOverCapacity,
  openedARole,
  runningOf,
  slowestMs,
  successPercent,
} from '../../../../bench/scenarios/expectations.ts'
import { readScenario, scenarioNames } from '../../../../bench/scenarios/scenario.ts'
import { rssSpread } from '../../../../bench/process/cost-log.ts'
import type { EngineCounters } from '../../../../bench/environment/fleet/messages.ts'
import { knobsOf } from '../../../../bench/environment/fleet/plan.ts'
import { recordOf, resultOf } from '../../../support/load-result.ts'

const FAILED = recordOf({ outcome: 'failed', failure: { kind: 'stall', detail: '' } })
const REFUSED = recordOf({ outcome: 'refused', status: 503 })
const LEFT = recordOf({ outcome: 'left' })

function engine(change: Partial<EngineCounters> = {}): EngineCounters {
  return { role: 'decode', received: 0, restarts: 0, running: 0, peakRunning: 0, capacity: 10, ...change }
}

test('success is of those that stayed: who left does not count, who was refused does', () => {
  assert.equal(successPercent(resultOf([recordOf(), LEFT])), 100)
  assert.equal(successPercent(resultOf([recordOf(), REFUSED])), 50)
  assert.equal(successPercent(resultOf([recordOf(), FAILED, FAILED, recordOf()])), 50)
})

test('a request that was never heard of again is a lost one', () => {
  assert.equal(successPercent(resultOf([recordOf()], { requests: 4 })), 25)
  assert.equal(successPercent(resultOf([recordOf()], { requests: 4, durationMs: 1 })), 100)
})

test('the slowest answer counts from its sending', () => {
  const records = [recordOf({ sentMs: 100, endMs: 150 }), recordOf({ sentMs: 10, endMs: 90 })]
  assert.equal(slowestMs(resultOf(records)), 80)
})

function transitions(url: string, role: string, to: string, count: number): string {
  return `pdgw_engine_breaker_transitions_total{engine="${url}",role="${role}",to="${to}"} ${count}`
}

test('breakers that have opened are counted a role, the other changes of theirs are not', () => {
  const opened = [
    transitions('a', 'decode', 'open', 2),
    transitions('b', 'decode', 'open', 1),
    transitions('c', 'prefill', 'open', 1),
  ]
  const others = [transitions('d', 'decode', 'open', 0), transitions('e', 'decode', 'closed', 3)]
  assert.equal(openedARole([...opened, ...others].join('\n')), 2)
  assert.equal(openedARole(others.join('\n')), 0)
})

test('hangs are stalls and timeouts', () => {
  const other = recordOf({ outcome: 'failed', failure: { kind: 'status', detail: '' } })
  assert.equal(hangsOf(resultOf([recordOf(), FAILED, other])), 1)
})

test('amplification is that of the role which received more', () => {
  const engines = [
    engine({ received: 60 }),
    engine({ received: 60 }),
    engine({ role: 'prefill', received: 100 }),
  ]
  assert.equal(amplification(engines, 100), 1.2)
})

test('what engines hold now adds up, what one held too much does not hide behind another', () => {
  const engines = [engine({ running: 1, peakRunning: 3 }), engine({ running: 2, peakRunning: 12 })]
  assert.equal(runningOf(engines), 3)
  assert.equal(mostOverCapacity(engines), 2)
  assert.equal(mostOverCapacity([engine()]), 0)
})

test('goodput counts good answers that ended within the stretch', () => {
  const records = [100, 500, 999, 1000].map(endMs => recordOf({ endMs }))
  assert.equal(goodputPerSecond(resultOf([...records, FAILED]), 500, 1000), 4)
})

test('refusals of bad form are told with what is wrong', () => {
  assert.deepEqual(badRefusals(resultOf([REFUSED, { ...REFUSED, badRefusal: 'no retry-after' }])), [
    'no retry-after',
  ])
})

test('a condition holds at its bound and not beyond it', () => {
  assert.deepEqual([atLeast('x', 1, 1).holds, atLeast('x', 0.999_99, 1).holds], [true, false])
  assert.deepEqual([atMost('x', 1, 1).holds, atMost('x', 1.000_01, 1).holds], [true, false])
})

test('memory is flat when the medians of its stretches are: a tooth is no growth, a slope is', () => {
  assert.equal(
    rssSpread(
      samples(at => (at === 50 ? 500 : 100)),
      200,
    ),
    1,
  )
  assert.ok(
    rssSpread(
      samples(at => 100 + at),
      200,
    ) > 1.5,
  )
  assert.equal(
    rssSpread(
      samples(at => (at < 20 ? 10 : 100)),
      200,
    ),
    1,
  )
  assert.ok(!atMost('x', rssSpread([], 0), 1.1).holds)
})

for (const name of scenarioNames()) {
  test(`scenario ${name} can be read, and its knobs exist`, () => {
    const { fleet } = readScenario(name)
    for (const role of ['prefill', 'decode'] as const) assert.doesNotThrow(() => knobsOf(fleet, role))
  })
}

test('a scenario that there is not is told of with those that there are', () => {
  assert.throws(() => readScenario('nope'), /no scenario nope; there are 10k, /)
})

function samples(rssMib: (at: number) => number) {
  return Array.from({ length: 100 }, (_, at) => ({ requests: at * 10, rssMib: rssMib(at) }))
}
