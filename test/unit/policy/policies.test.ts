import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import type { Engine } from '../../../src/core/engine.ts'
import { leastLoad } from '../../../src/policy/least-load.ts'
import { POLICIES, type PolicyTools } from '../../../src/policy/policies.ts'
import { engineAt, type Policy, type PolicyView } from '../../../src/policy/policy.ts'
import { powerOfTwo } from '../../../src/policy/power-of-two.ts'
import { random } from '../../../src/policy/random.ts'
import { roundRobin } from '../../../src/policy/round-robin.ts'
import { SharedCounters } from '../../../src/shared/counters.ts'
import { createSharedMemory, type SharedMemory } from '../../../src/shared/layout.ts'
import { policyContract, viewOf } from '../../contract/policy.contract.ts'
import { engineOf, enginesOf } from '../../support/engines.ts'

/** Nothing is known of any key or length. */
const TOOLS: PolicyTools = {
  role: 'mixed',
  options: { loadFactor: 1.25, loadMargin: 4, assignment: 'hash' },
  assignments: { slotOf: () => -1, assign: () => undefined },
  lengths: { shareBelow: (_bytes, chance) => chance },
}

for (const [name, kind] of Object.entries(POLICIES)) policyContract(name, kind.create(TOOLS))
policyContract('cache_aware for decode engines', POLICIES.cache_aware.create({ ...TOOLS, role: 'decode' }))

/** Counts how often each engine is chosen. */
function tally(policy: Policy, view: PolicyView, engineCount: number, turns: number): number[] {
  const counts = Array.from({ length: engineCount }, () => 0)
  const engines = enginesOf(engineCount)
  for (let turn = 0; turn < turns; turn++) {
    const { slot } = policy(engines, view)
    counts[slot] = (counts[slot] ?? 0) + 1
  }
  return counts
}

/** An idle fleet, as one thread sees it. */
function threadView(memory: SharedMemory): PolicyView {
  const counters = new SharedCounters(memory)
  return {
    random: () => 0,
    reason: 'only',
    inFlight: () => 0,
    work: () => 0,
    othersRequests: () => 0,
    othersPromptBytes: () => 0,
    recentWork: () => 0,
    second: () => 0,
    next: () => counters.next('decode'),
  }
}

suite('round_robin', () => {
  test('chooses the engines in order', () => {
    const view = viewOf([])
    const engines = enginesOf(3)
    const slots = Array.from({ length: 7 }, () => roundRobin(engines, view).slot)
    assert.deepEqual(slots, [0, 1, 2, 0, 1, 2, 0])
  })

  test('is even over all threads, in whatever order they choose', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(2), { minLength: 1, maxLength: 60 }), turns => {
        const memory = createSharedMemory(4, 3)
        // Each thread has its own view of the same memory.
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

  test('has separate counters for each role', () => {
    const counters = new SharedCounters(createSharedMemory(4, 1))
    assert.deepEqual(
      [counters.next('prefill'), counters.next('decode'), counters.next('prefill'), counters.next('mixed')],
      [0, 0, 1, 0],
    )
  })

  test('continues when the counter wraps around', () => {
    const memory = createSharedMemory(1, 1)
    new Int32Array(memory.counters).fill(0x7fff_ffff)
    const counters = new SharedCounters(memory)
    assert.deepEqual([counters.next('decode'), counters.next('decode')], [0x7fff_ffff, 0])
  })
})

suite('random', () => {
  test('chooses every engine about equally often', () => {
    for (const count of tally(random, viewOf([]), 4, 4000)) assert.ok(count > 850 && count < 1150, `${count}`)
  })
})

suite('power_of_two', () => {
  test('compares two different engines, so the most loaded one is never chosen', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 9 }), fc.nat(8), fc.integer(), (count, busiest, seed) => {
        const loads = Array.from({ length: count }, (_, slot) => (slot === busiest % count ? 1 : 0))
        const { slot } = powerOfTwo(enginesOf(count), viewOf(loads, seed))
        assert.notEqual(slot, busiest % count)
      }),
      { seed: 3, numRuns: 2000 },
    )
  })

  test('reads the load of two engines only', () => {
    let reads = 0
    const view = { ...viewOf([]), inFlight: () => reads++ }
    powerOfTwo(enginesOf(9), view)
    assert.equal(reads, 2)
  })

  test('chooses every engine of an idle fleet about equally often', () => {
    for (const count of tally(powerOfTwo, viewOf([]), 4, 4000))
      assert.ok(count > 850 && count < 1150, `${count}`)
  })
})

suite('least_load', () => {
  test('chooses an engine with the fewest requests in flight', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(5), { minLength: 1, maxLength: 9 }), fc.nat(100), (loads, start) => {
        const { slot } = leastLoad(enginesOf(loads.length), viewOf(loads, 1, start))
        assert.equal(loads[slot], Math.min(...loads))
      }),
      { seed: 4, numRuns: 1000 },
    )
  })

  test('weighs prompts: one that is long counts for more than several requests with short ones', () => {
    const view: PolicyView = { ...viewOf([1, 3, 9]), work: slot => [40_000, 1500, 4500][slot] ?? 0 }
    for (const policy of [leastLoad, powerOfTwo])
      for (let turn = 0; turn < 20; turn++) assert.equal(policy(enginesOf(2), view).slot, 1)
    assert.equal(leastLoad(enginesOf(3), view).slot, 1)
  })

  test('compares decode engines by the share of their KV caches, if all report the size', () => {
    const view: PolicyView = { ...viewOf([3, 2]), work: slot => [3000, 2000][slot] ?? 0 }
    const slotOf = (first: Partial<Engine>, second: Partial<Engine>): number[] =>
      [leastLoad, powerOfTwo].map(
        policy => policy([engineOf({ slot: 0, ...first }), engineOf({ slot: 1, ...second })], view).slot,
      )
    assert.deepEqual(slotOf({ kvTokens: 400_000 }, { kvTokens: 200_000 }), [0, 0])
    assert.deepEqual(slotOf({ kvTokens: 200_000 }, { kvTokens: 200_000 }), [1, 1])
    assert.deepEqual(slotOf({ kvTokens: 400_000 }, {}), [1, 1])
    const prefill = { role: 'prefill' } as const
    assert.deepEqual(slotOf({ ...prefill, kvTokens: 400_000 }, { ...prefill, kvTokens: 200_000 }), [1, 1])
  })

  test('rotates between equal loads', () => {
    for (const load of [0, 3]) {
      const loads = [load, load, load, load]
      assert.deepEqual(tally(leastLoad, viewOf(loads), 4, 40), [10, 10, 10, 10])
    }
  })
})

test('engineAt throws for an index outside of the list', () => {
  assert.throws(() => engineAt(enginesOf(2), 2), RangeError)
})
