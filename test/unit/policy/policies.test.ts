import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { leastLoad } from '../../../src/policy/least-load.ts'
import { POLICIES } from '../../../src/policy/policies.ts'
import { engineAt, type Policy, type PolicyView } from '../../../src/policy/policy.ts'
import { powerOfTwo } from '../../../src/policy/power-of-two.ts'
import { random } from '../../../src/policy/random.ts'
import { roundRobin } from '../../../src/policy/round-robin.ts'
import { SharedCounters } from '../../../src/shared/counters.ts'
import { createSharedMemory, type SharedMemory } from '../../../src/shared/layout.ts'
import { policyContract, viewOf } from '../../contract/policy.contract.ts'
import { enginesOf } from '../../support/engines.ts'

for (const [name, policy] of Object.entries(POLICIES)) policyContract(name, policy)

/** How often each engine of a fleet with these loads is taken. */
function tally(policy: Policy, view: PolicyView, engineCount: number, turns: number): number[] {
  const counts = Array.from({ length: engineCount }, () => 0)
  const engines = enginesOf(engineCount)
  for (let turn = 0; turn < turns; turn++) {
    const { slot } = policy(engines, view)
    counts[slot] = (counts[slot] ?? 0) + 1
  }
  return counts
}

/** As one thread sees an idle fleet. */
function threadView(memory: SharedMemory): PolicyView {
  const counters = new SharedCounters(memory)
  return { random: () => 0, inFlight: () => 0, next: () => counters.next('decode') }
}

suite('round_robin', () => {
  test('goes through the engines in their order', () => {
    const view = viewOf([])
    const engines = enginesOf(3)
    const slots = Array.from({ length: 7 }, () => roundRobin(engines, view).slot)
    assert.deepEqual(slots, [0, 1, 2, 0, 1, 2, 0])
  })

  test('is even over threads, in whatever order they take their turns', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(2), { minLength: 1, maxLength: 60 }), turns => {
        const memory = createSharedMemory(4, 3)
        // Each thread has an object of its own over the same memory.
        const views = [0, 1, 2].map(() => threadView(memory))
        const counts = [0, 0, 0, 0]
        for (const thread of turns) {
          const { slot } = roundRobin(enginesOf(4), views[thread] ?? viewOf([]))
          counts[slot] = (counts[slot] ?? 0) + 1
        }
        assert.ok(Math.max(...counts) - Math.min(...counts) <= 1)
      }),
      { seed: 2 },
    )
  })

  test('takes its turns for prefill and decode apart', () => {
    const counters = new SharedCounters(createSharedMemory(4, 1))
    assert.deepEqual(
      [counters.next('prefill'), counters.next('decode'), counters.next('prefill'), counters.next('mixed')],
      [0, 0, 1, 0],
    )
  })

  test('goes on when the counter wraps around', () => {
    const memory = createSharedMemory(1, 1)
    new Int32Array(memory.counters).fill(0x7fff_ffff)
    const counters = new SharedCounters(memory)
    assert.deepEqual([counters.next('decode'), counters.next('decode')], [0x7fff_ffff, 0])
  })
})

suite('random', () => {
  test('gives every engine about the same share', () => {
    for (const count of tally(random, viewOf([]), 4, 4000)) assert.ok(count > 850 && count < 1150, `${count}`)
  })
})

suite('power_of_two', () => {
  test('never draws the same engine twice: the most loaded one is never taken', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 9 }), fc.nat(8), fc.integer(), (count, busiest, seed) => {
        const loads = Array.from({ length: count }, (_, slot) => (slot === busiest % count ? 1 : 0))
        const { slot } = powerOfTwo(enginesOf(count), viewOf(loads, seed))
        assert.notEqual(slot, busiest % count)
      }),
      { seed: 3, numRuns: 2000 },
    )
  })

  test('looks at two engines and no more', () => {
    let looks = 0
    const view = { ...viewOf([]), inFlight: () => looks++ }
    powerOfTwo(enginesOf(9), view)
    assert.equal(looks, 2)
  })

  test('gives every engine of an idle fleet about the same share', () => {
    for (const count of tally(powerOfTwo, viewOf([]), 4, 4000))
      assert.ok(count > 850 && count < 1150, `${count}`)
  })
})

suite('least_load', () => {
  test('takes an engine with the least in flight', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(5), { minLength: 1, maxLength: 9 }), fc.nat(100), (loads, start) => {
        const { slot } = leastLoad(enginesOf(loads.length), viewOf(loads, 1, start))
        assert.equal(loads[slot], Math.min(...loads))
      }),
      { seed: 4, numRuns: 1000 },
    )
  })

  test('goes round where loads are equal', () => {
    for (const load of [0, 3]) {
      const loads = [load, load, load, load]
      assert.deepEqual(tally(leastLoad, viewOf(loads), 4, 40), [10, 10, 10, 10])
    }
  })
})

test('engineAt throws for a place that the list does not have', () => {
  assert.throws(() => engineAt(enginesOf(2), 2), RangeError)
})
