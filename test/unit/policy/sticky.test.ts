import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Engine } from '../../../src/core/engine.ts'
import { cacheAware } from '../../../src/policy/cache-aware.ts'
import type { Policy, PromptView } from '../../../src/policy/policy.ts'
import { roundRobin } from '../../../src/policy/round-robin.ts'
import { type KeyAssignments, sticky } from '../../../src/policy/sticky.ts'
import { policyContract, viewOf } from '../../contract/policy.contract.ts'
import { enginesOf } from '../../support/engines.ts'

const BOUND = { loadFactor: 1.25, loadMargin: 4 }

function noKeys(): KeyAssignments {
  const slots = new Map<number, number>()
  return {
    slotOf: key => slots.get(key) ?? -1,
    assign: (key, slot) => void slots.set(key, slot),
  }
}

/** Of a prompt that the engine in the slot has cached. */
function promptOn(slot: number): PromptView {
  return { bytes: 8192, cachedBytes: asked => (asked === slot ? 8192 : 0), keyAfter: () => 1 }
}

/** The choices of requests with these keys, one after the other, as slots and reasons. */
function choicesOf(
  policy: Policy,
  engines: readonly Engine[],
  keys: readonly (number | undefined)[],
): [number, string][] {
  const view = viewOf([])
  return keys.map(key => [policy(engines, view, { key }).slot, view.reason])
}

policyContract('with sticky keys', sticky(roundRobin, BOUND, noKeys()))

suite('sticky keys', () => {
  test('stay where the policy sent their first request, and leave others to the policy', () => {
    const policy = sticky(roundRobin, BOUND, noKeys())
    assert.deepEqual(choicesOf(policy, enginesOf(3), [7, 8, undefined, 7, 8, undefined, 9, 9]), [
      [0, 'turn'],
      [1, 'turn'],
      [2, 'turn'],
      [0, 'key'],
      [1, 'key'],
      [0, 'turn'],
      [1, 'turn'],
      [1, 'key'],
    ])
  })

  test('come before what engines have cached, and before load', () => {
    const policy = sticky(cacheAware(), BOUND, noKeys())
    const view = viewOf([0, 0])
    assert.equal(policy(enginesOf(2), view, { key: 7, prompt: promptOn(1) }).slot, 1)
    assert.equal(view.reason, 'cached')
    const busy = viewOf([0, 99])
    assert.equal(policy(enginesOf(2), busy, { key: 7, prompt: promptOn(0) }).slot, 1)
    assert.equal(busy.reason, 'key')
    assert.equal(policy(enginesOf(2), viewOf([0, 0]), { prompt: promptOn(0) }).slot, 0)
  })

  test('have one engine stand in while their own cannot be chosen, and come back', () => {
    const policy = sticky(roundRobin, BOUND, noKeys())
    const engines = enginesOf(4)
    for (let key = 1; key < 50; key++) {
      const own = policy(engines, viewOf([]), { key })
      const others = engines.filter(engine => engine !== own)
      const [first, ...rest] = choicesOf(policy, others, [key, key, key, key])
      for (const choice of rest) assert.deepEqual(choice, first)
      assert.equal(policy(engines, viewOf([]), { key }), own)
    }
  })
})
