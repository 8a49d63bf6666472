import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Outcome, Results } from '../../../../../bench/routers/costs/results.ts'
import type { RouterSample } from '../../../../../bench/routers/costs/sample.ts'
import { loads } from '../../../../../bench/routers/loads/loads.ts'
import { goalsOf, percentText } from '../../../../../bench/routers/report/goals.ts'
import { rowsOf } from '../../../../../bench/routers/report/rows.ts'
import { outcomeOf, routerSample } from '../../../support/router-samples.ts'

const [SMALL] = loads({ seconds: 1, burst: 1 })
const NAMES = { routers: ['gateway', 'sglang-router', 'smg'], direct: 'no router' }
const LOST = routerSample({ correct: 9, failures: '1 x altered' })

function rows(outcomes: Readonly<Record<string, Outcome>>) {
  assert.ok(SMALL)
  return rowsOf(SMALL, new Map(Object.entries(outcomes)), NAMES)
}

function ratioOfGateway(others: Readonly<Record<string, Outcome>>): number | undefined {
  return rows({ gateway: outcomeOf(routerSample({ cpuUs: 400 })), ...others })[0]?.measured?.ratio
}

const cost = (cpuUs: number, change: Partial<RouterSample> = {}) =>
  outcomeOf(routerSample({ cpuUs, ...change }))

test('CPU is compared with the Rust router that needs less', () => {
  assert.equal(ratioOfGateway({ 'sglang-router': cost(1000), smg: cost(2000) }), 0.4)
  assert.equal(ratioOfGateway({ 'sglang-router': cost(2000), smg: cost(1000) }), 0.4)
})

test('a Rust router that lost requests is not compared with, however little CPU it needs', () => {
  assert.equal(ratioOfGateway({ 'sglang-router': cost(100, { correct: 9 }), smg: cost(1000) }), 0.4)
  assert.equal(ratioOfGateway({ 'sglang-router': cost(100, { correct: 9 }) }), undefined)
})

test('a ratio compares neighbouring rounds', () => {
  const own = outcomeOf(...[100, 400, 100].map(cpuUs => routerSample({ cpuUs })))
  const rust = outcomeOf(...[200, 800, 200].map(cpuUs => routerSample({ cpuUs })))
  assert.equal(rows({ gateway: own, smg: rust })[0]?.measured?.ratio, 0.5)
})

test('added TTFT is relative to the engine without a router, which has no CPU figure', () => {
  const [own, direct] = rows({
    gateway: outcomeOf(routerSample()),
    'no router': cost(5, { p50Ms: 0.25, p99Ms: 1 }),
  })
  assert.equal(own?.measured?.addedP50Ms, 0.75)
  assert.equal(own?.measured?.addedP99Ms, 1)
  assert.deepEqual([direct?.measured?.costUs, direct?.measured?.addedP50Ms], [undefined, undefined])
})

test('a router that could not be measured has a row with its message and no figures', () => {
  const results = new Results()
  results.fail('small', 'smg', 'not installed')
  results.fail('small', 'smg', 'and so it did not respond')
  assert.ok(SMALL)
  const [row] = rowsOf(SMALL, results.of('small'), NAMES)
  assert.deepEqual([row?.router, row?.measured, row?.message], ['smg', undefined, 'not installed'])
})

test('rounds before a failure are in the table', () => {
  const results = new Results()
  results.add('small', 'smg', LOST)
  results.fail('small', 'smg', 'ended with code 1')
  assert.ok(SMALL)
  const [row] = rowsOf(SMALL, results.of('small'), NAMES)
  assert.deepEqual([row?.measured?.correctPercent, row?.message], [90, 'ended with code 1'])
})

test('a round without responses does not affect the cost of the others', () => {
  const idle = routerSample({ units: 0, sent: 0, correct: 0 })
  const [own] = rows({ gateway: outcomeOf(idle, routerSample({ cpuUs: 400 })) })
  assert.deepEqual([own?.measured?.costUs, own?.measured?.correctPercent], [40, 100])
  const [none] = rows({ gateway: outcomeOf(idle) })
  assert.deepEqual([none?.measured?.costUs, none?.measured?.correctPercent], [undefined, 0])
})

test('the goals are CPU and correct responses, for the gateway only', () => {
  const goals = goalsOf(rows({ gateway: cost(400), smg: outcomeOf(routerSample(), LOST) }))
  assert.deepEqual(
    goals.map(({ measured, isMet }) => [measured, isMet]),
    [
      ['not measured', false],
      ['100%', true],
    ],
  )
  const [cpu] = goalsOf(rows({ gateway: cost(401), smg: cost(1000) }))
  assert.deepEqual([cpu?.measured, cpu?.isMet], ['0.40', false])
})

test('one lost response misses the goal, with its reason', () => {
  const [, success] = goalsOf(rows({ gateway: outcomeOf(LOST), smg: cost(1000) }))
  assert.deepEqual([success?.measured, success?.isMet], ['90.00%: 1 x altered', false])
})

test('a percentage just below 100 is not shown as 100', () => {
  assert.equal(percentText(99.9999), '99.99')
  assert.equal(percentText(100), '100')
})
