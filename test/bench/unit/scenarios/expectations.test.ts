/** Expectations of scenarios, and the memory figures that they use. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EngineCounters } from '../../../../bench/environment/fleet/messages.ts'
import { knobsOf } from '../../../../bench/environment/fleet/plan.ts'
import { rssSpread } from '../../../../bench/process/cost-log.ts'
import {
  amplification,
  atLeast,
  atMost,
  badRefusals,
  goodputPerSecond,
  hangsOf,
  maxOverCapacity,
  openBreakersPerRole,
  runningOf,
  slowestMs,
  successPercent,
} from '../../../../bench/scenarios/expectations.ts'
import { limitRequests, readScenario } from '../../../../bench/scenarios/scenario.ts'
import { scenarioNames } from '../../../../bench/scenarios/scenario-files.ts'
import { recordOf, resultOf } from '../../support/load-result.ts'

const FAILED = recordOf({ outcome: 'failed', failure: { kind: 'stall', detail: '' } })
const REFUSED = recordOf({ outcome: 'refused', status: 503 })
const LEFT = recordOf({ outcome: 'left' })

function engine(change: Partial<EngineCounters> = {}): EngineCounters {
  return {
    role: 'decode',
    received: 0,
    restarts: 0,
    running: 0,
    peakRunning: 0,
    capacity: 10,
    computedTokens: 0,
    ...change,
  }
}

test('success covers refused requests but not clients that left', () => {
  assert.equal(successPercent(resultOf([recordOf(), LEFT])), 100)
  assert.equal(successPercent(resultOf([recordOf(), REFUSED])), 50)
  assert.equal(successPercent(resultOf([recordOf(), FAILED, FAILED, recordOf()])), 50)
})

test('a request without a record counts as lost', () => {
  assert.equal(successPercent(resultOf([recordOf()], { requests: 4 })), 25)
  assert.equal(successPercent(resultOf([recordOf()], { requests: 4, durationMs: 1 })), 100)
})

test('the slowest response is measured from its sending', () => {
  const records = [recordOf({ sentMs: 100, endMs: 150 }), recordOf({ sentMs: 10, endMs: 90 })]
  assert.equal(slowestMs(resultOf(records)), 80)
})

function transitions(url: string, role: string, to: string, count: number): string {
  return `pdgw_engine_breaker_transitions_total{engine="${url}",role="${role}",to="${to}"} ${count}`
}

test('open breakers are counted per role, and other transitions are not counted', () => {
  const opened = [
    transitions('a', 'decode', 'open', 2),
    transitions('b', 'decode', 'open', 1),
    transitions('c', 'prefill', 'open', 1),
  ]
  const others = [transitions('d', 'decode', 'open', 0), transitions('e', 'decode', 'closed', 3)]
  assert.equal(openBreakersPerRole([...opened, ...others].join('\n')), 2)
  assert.equal(openBreakersPerRole(others.join('\n')), 0)
})

test('stalls and timeouts count as hangs', () => {
  const other = recordOf({ outcome: 'failed', failure: { kind: 'status', detail: '' } })
  assert.equal(hangsOf(resultOf([recordOf(), FAILED, other])), 1)
})

test('amplification is that of the role that received more', () => {
  const engines = [
    engine({ received: 60 }),
    engine({ received: 60 }),
    engine({ role: 'prefill', received: 100 }),
  ]
  assert.equal(amplification(engines, 100), 1.2)
})

test('running requests are added up, and excess over capacity is that of the worst engine', () => {
  const engines = [engine({ running: 1, peakRunning: 3 }), engine({ running: 2, peakRunning: 12 })]
  assert.equal(runningOf(engines), 3)
  assert.equal(maxOverCapacity(engines), 2)
  assert.equal(maxOverCapacity([engine()]), 0)
})

test('goodput counts correct responses that ended within the interval', () => {
  const records = [100, 500, 999, 1000].map(endMs => recordOf({ endMs }))
  assert.equal(goodputPerSecond(resultOf([...records, FAILED]), 500, 1000), 4)
})

test('malformed refusals are listed with what they lack', () => {
  assert.deepEqual(badRefusals(resultOf([REFUSED, { ...REFUSED, badRefusal: 'no retry-after' }])), [
    'no retry-after',
  ])
})

test('an expectation holds at its limit and not beyond it', () => {
  assert.deepEqual([atLeast('x', 1, 1).holds, atLeast('x', 0.999_99, 1).holds], [true, false])
  assert.deepEqual([atMost('x', 1, 1).holds, atMost('x', 1.000_01, 1).holds], [true, false])
})

test('a sawtooth of memory is flat, a slope is growth', () => {
  assert.equal(
    rssSpread(
      samples(index => (index === 50 ? 500 : 100)),
      200,
    ),
    1,
  )
  assert.ok(
    rssSpread(
      samples(index => 100 + index),
      200,
    ) > 1.5,
  )
  assert.equal(
    rssSpread(
      samples(index => (index < 20 ? 10 : 100)),
      200,
    ),
    1,
  )
  assert.ok(!atMost('x', rssSpread([], 0), 1.1).holds)
})

for (const name of scenarioNames()) {
  test(`scenario ${name} is valid, and its knobs exist`, () => {
    const { fleet } = readScenario(name)
    for (const role of ['prefill', 'decode'] as const) assert.doesNotThrow(() => knobsOf(fleet, role))
  })
}

test('a limit of requests makes each load of a scenario smaller, never larger', () => {
  assert.deepEqual([requestsOf('soak', 500), requestsOf('soak', 200_000)], [[500], [100_000]])
  assert.deepEqual(requestsOf('10k', 6000), [6000, 5000])
  assert.throws(() => requestsOf('overload-3x', 5), /limited by time/)
})

test('the error for an unknown scenario lists the known ones', () => {
  assert.throws(() => readScenario('nope'), /Unknown scenario nope; known scenarios: 10k, /)
})

function samples(rssMib: (index: number) => number) {
  return Array.from({ length: 100 }, (_, index) => ({ requests: index * 10, rssMib: rssMib(index) }))
}

function requestsOf(name: string, limit: number): readonly number[] {
  const scenario = limitRequests(readScenario(name), limit)
  return scenario.kind === 'perfect' || scenario.kind === 'churn'
    ? scenario.loads.map(({ requests }) => requests)
    : [scenario.load.requests]
}
