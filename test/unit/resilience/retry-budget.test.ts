import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { BUDGET_WINDOW_MS, RetryBudget } from '../../../src/resilience/retry-budget.ts'

suite('RetryBudget', () => {
  test('allows a share of the requests', () => {
    const budget = new RetryBudget({ share: 0.2, floorPerSec: 0 })
    for (let request = 0; request < 100; request++) budget.request(0)
    assert.equal(takeAll(budget, 0), 20)
  })

  test('allows the floor without any request', () => {
    const budget = new RetryBudget({ share: 0.2, floorPerSec: 3 })
    assert.equal(takeAll(budget, 0), 30)
  })

  test('is full again when the window has passed', () => {
    const budget = new RetryBudget({ share: 0, floorPerSec: 3 })
    takeAll(budget, 0)
    assert.equal(takeAll(budget, BUDGET_WINDOW_MS - 1), 0)
    assert.equal(takeAll(budget, BUDGET_WINDOW_MS), 30)
  })

  test('allows one retry even without a floor and without requests', () => {
    assert.equal(takeAll(new RetryBudget({ share: 0, floorPerSec: 0 }), 0), 1)
  })

  test('bounds retries for any sequence of requests', () => {
    const step = fc.record({ afterMs: fc.nat(2000), requests: fc.nat(50) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), steps => {
        const budget = new RetryBudget({ share: 0.2, floorPerSec: 1 })
        let [nowMs, requests, retries] = [0, 0, 0]
        for (const { afterMs, requests: arrived } of steps) {
          nowMs += afterMs
          for (let request = 0; request < arrived; request++) budget.request(nowMs)
          requests += arrived
          retries += takeAll(budget, nowMs)
        }
        const windows = 1 + nowMs / (BUDGET_WINDOW_MS - 500)
        assert.ok(retries <= 0.2 * requests + windows * 10, `${retries} for ${requests} in ${nowMs} ms`)
      }),
      { seed: 7, numRuns: 300 },
    )
  })
})

function takeAll(budget: RetryBudget, nowMs: number): number {
  let taken = 0
  while (budget.take(nowMs)) taken++
  return taken
}
