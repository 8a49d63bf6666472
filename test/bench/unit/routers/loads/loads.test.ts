import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planSchema } from '../../../../../bench/load/plan/plan.ts'
import { promptsOf } from '../../../../../bench/load/prompts/datasets.ts'
import { requestBody } from '../../../../../bench/load/prompts/prompt.ts'
import { ENVIRONMENT_NAMES, type Load, loads, warmUpOf } from '../../../../../bench/routers/loads/loads.ts'

const ALL = loads({ seconds: 2, burst: 9900 })

function planOf(load: Load) {
  assert.equal(load.kind, 'checked')
  return planSchema.parse({ ...load.plan, url: 'http://127.0.0.1:1' })
}

test('every checked load has a valid plan and a time limit', () => {
  const checked = [...ALL, ...ENVIRONMENT_NAMES.flatMap(name => warmUpOf(name) ?? [])].filter(
    load => load.kind === 'checked',
  )
  assert.ok(checked.length > 6)
  for (const load of checked) {
    const { requests, timeoutMs } = planOf(load)
    assert.ok(requests > 0 && load.limitMs > 0 && timeoutMs > 0, load.name)
  }
})

test('responses of stressed engines are compared with the expected tokens', () => {
  const stressed = ALL.filter(({ environment }) => environment.startsWith('stressed'))
  assert.equal(stressed.length, 5)
  for (const load of stressed) assert.equal(planOf(load).scriptSeed, 0, load.name)
})

test('the largest loads open all their requests at once', () => {
  for (const name of ['c10k', 'c10k-stressed']) {
    const load = ALL.find(one => one.name === name)
    assert.ok(load)
    const { requests, arrivals } = planOf(load)
    assert.equal(requests, 9900)
    assert.deepEqual(arrivals, { kind: 'closed', concurrency: 9900 })
  }
})

test('the long prompt of stressed engines is as long as that of canned engines', () => {
  const load = ALL.find(({ name }) => name === 'k32-stressed')
  assert.ok(load)
  const plan = planOf(load)
  const bytes = requestBody(plan, promptsOf(plan.dataset, plan.seed).promptAt(0), 0).length
  assert.ok(Math.abs(bytes - 32 * 1024) < 2048, `${bytes}`)
})

test('the three loads with a CPU goal run against canned engines', () => {
  const goals = ALL.flatMap(({ name, environment, goal }) =>
    goal === undefined ? [] : [[name, environment, goal]],
  )
  assert.deepEqual(goals, [
    ['small', 'canned', 0.4],
    ['k32', 'canned', 0.45],
    ['streams', 'canned', 0.85],
  ])
})
