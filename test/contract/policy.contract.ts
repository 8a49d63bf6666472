/** What every policy promises, whatever it looks at. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { seededRandom } from '../../src/core/random.ts'
import type { ChoiceReason, Policy, PolicyView } from '../../src/policy/policy.ts'
import { engineOf, enginesOf } from '../support/engines.ts'

/** A view with these loads, by slot; the counter starts at `start`. */
export function viewOf(loads: readonly number[], seed = 1, start = 0): PolicyView {
  let count = start
  return {
    random: seededRandom(seed),
    reason: 'only',
    inFlight: slot => loads[slot] ?? 0,
    work: () => 0,
    othersRequests: () => 0,
    othersPromptBytes: () => 0,
    recentWork: () => 0,
    second: () => 0,
    next: () => count++,
  }
}

export function policyContract(name: string, policy: Policy): void {
  suite(`the policy ${name}`, () => {
    test('takes the only engine there is', () => {
      const only = engineOf({ slot: 5 })
      for (let turn = 0; turn < 10; turn++) assert.equal(policy([only], viewOf([], turn, turn)), only)
    })

    test('takes one of the engines it was given, whatever the loads and the counter', () => {
      fc.assert(
        fc.property(
          fc.array(fc.nat(100), { minLength: 1, maxLength: 9 }),
          fc.integer(),
          fc.nat(0x7fff_ffff),
          (loads, seed, start) => {
            const engines = enginesOf(loads.length)
            assert.ok(engines.includes(policy(engines, viewOf(loads, seed, start))))
          },
        ),
        { seed: 1 },
      )
    })

    test('takes an engine by its place in the list, not by its slot', () => {
      const engines = [7, 2, 9].map(slot => engineOf({ slot }))
      const view = viewOf([])
      const taken = new Set(Array.from({ length: 100 }, () => policy(engines, view).slot))
      assert.deepEqual(
        [...taken].toSorted((a, b) => a - b),
        [2, 7, 9],
      )
    })

    test('says why it has chosen among several', () => {
      for (let count = 2; count <= 5; count++) {
        const reasons: ChoiceReason[] = []
        const view = Object.defineProperty(viewOf([]), 'reason', {
          set: (reason: ChoiceReason) => {
            reasons.push(reason)
          },
        })
        policy(enginesOf(count), view)
        assert.ok(reasons.length > 0)
        for (const reason of reasons) assert.notEqual(reason, 'only')
      }
    })

    test('survives the highest chance', () => {
      const view = { ...viewOf([]), random: () => 1 - 2 ** -53 }
      for (let count = 1; count <= 9; count++) assert.ok(policy(enginesOf(count), view))
    })

    test('leaves no engine of an idle fleet out', () => {
      const engines = enginesOf(4)
      const view = viewOf([])
      const taken = new Set(Array.from({ length: 200 }, () => policy(engines, view).slot))
      assert.equal(taken.size, 4)
    })
  })
}
