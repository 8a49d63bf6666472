import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { type ConfigInput, configSchema } from '../../../src/config/config.ts'
import type { Engine } from '../../../src/core/engine.ts'
import { SharedCounters } from '../../../src/shared/counters.ts'
import { EngineSlots } from '../../../src/shared/engine-slots.ts'
import { createSharedMemory } from '../../../src/shared/layout.ts'
import { Lease } from '../../../src/shared/leases.ts'
import { Fleet, type PairChoice } from '../../../workers/fleet.ts'
import { engineOf } from '../../support/engines.ts'
import { seededRandom } from '../../support/seeded-random.ts'

const PAIRS = [
  engineOf({ slot: 0, role: 'prefill' }),
  engineOf({ slot: 1, role: 'prefill' }),
  engineOf({ slot: 2, role: 'decode' }),
  engineOf({ slot: 3, role: 'decode' }),
]
const NONE: ReadonlySet<number> = new Set()

interface House {
  readonly fleet: Fleet
  readonly slots: EngineSlots
}

/** A thread that knows these engines, all of them healthy. */
function houseOf(engines: readonly Engine[], config: ConfigInput = {}): House {
  const memory = createSharedMemory(8, 1)
  const slots = new EngineSlots(memory)
  const fleet = new Fleet(configSchema.parse(config), slots, new SharedCounters(memory), seededRandom(1))
  for (const { slot } of engines) slots.setHealth(slot, 'healthy')
  fleet.update({ generation: 1, engines })
  return { fleet, slots }
}

/** `0→2`, or what is missing. */
function told(choice: PairChoice): string {
  switch (choice.kind) {
    case 'pair':
      return `${choice.pair.prefill?.slot ?? ''}→${choice.pair.decode.slot}`
    case 'none':
      return `no ${choice.missing}`
    case 'unknown-model':
    case 'full':
      return choice.kind
  }
}

suite('Fleet of prefill and decode engines', () => {
  test('makes a pair of one engine of each role', () => {
    assert.match(told(houseOf(PAIRS).fleet.choose(undefined, NONE)), /^[01]→[23]$/)
  })

  test('takes turns for both roles by round robin', () => {
    const { fleet } = houseOf(PAIRS, { policy: { main: 'round_robin' } })
    const pairs = Array.from({ length: 4 }, () => told(fleet.choose(undefined, NONE)))
    assert.deepEqual(pairs, ['0→2', '1→3', '0→2', '1→3'])
  })

  test('gives each role the policy that was named for it', () => {
    const { fleet, slots } = houseOf(PAIRS, { policy: { main: 'round_robin', decode: 'least_load' } })
    Lease.acquire(slots, 0, engineOf({ slot: 2 }))
    const pairs = Array.from({ length: 2 }, () => told(fleet.choose(undefined, NONE)))
    assert.deepEqual(pairs, ['0→3', '1→3'])
  })

  test('sees the load of a lease at once', () => {
    const { fleet, slots } = houseOf(PAIRS, { policy: { main: 'least_load' } })
    const first = fleet.choose(undefined, NONE)
    assert.equal(first.kind, 'pair')
    if (first.kind !== 'pair' || first.pair.prefill === undefined) return
    const { prefill, decode } = first.pair
    Lease.acquire(slots, 0, prefill)
    Lease.acquire(slots, 0, decode)
    assert.equal(told(fleet.choose(undefined, NONE)), `${1 - prefill.slot}→${5 - decode.slot}`)
  })

  for (const health of ['unhealthy', 'draining', 'unknown'] as const)
    test(`sends nothing to an engine that is ${health}`, () => {
      const { fleet, slots } = houseOf(PAIRS)
      if (health === 'unknown') slots.assign(0, 2)
      else slots.setHealth(0, health)
      for (let turn = 0; turn < 20; turn++) assert.match(told(fleet.choose(undefined, NONE)), /^1→/)
    })

  test('avoids engines that have failed the request while there are others', () => {
    const { fleet } = houseOf(PAIRS)
    for (let turn = 0; turn < 20; turn++) assert.equal(told(fleet.choose(undefined, new Set([0, 3]))), '1→2')
    assert.match(told(fleet.choose(undefined, new Set([0, 1, 2, 3]))), /^[01]→[23]$/)
  })

  test('says which role is missing', () => {
    const { fleet, slots } = houseOf(PAIRS)
    slots.setHealth(2, 'unhealthy')
    slots.setHealth(3, 'unhealthy')
    assert.equal(told(fleet.choose(undefined, NONE)), 'no decode')
    slots.setHealth(0, 'unhealthy')
    slots.setHealth(1, 'unhealthy')
    assert.equal(told(fleet.choose(undefined, NONE)), 'no prefill')
    assert.equal(told(houseOf([]).fleet.choose('any', NONE)), 'no prefill')
  })

  test('joins only engines of the model that was named, in a fleet of several', () => {
    const mixed = PAIRS.map(engine => engineOf({ ...engine, models: engine.slot % 2 === 0 ? ['a'] : ['b'] }))
    const { fleet } = houseOf(mixed)
    for (let turn = 0; turn < 10; turn++) {
      assert.equal(told(fleet.choose('a', NONE)), '0→2')
      assert.equal(told(fleet.choose('b', NONE)), '1→3')
    }
    assert.equal(told(fleet.choose('c', NONE)), 'unknown-model')
  })
})

suite('Fleet of engines that do both', () => {
  test('takes one engine and no prefill', () => {
    const { fleet } = houseOf([engineOf({ slot: 4, role: 'mixed' })], { engines: { mode: 'regular' } })
    assert.equal(told(fleet.choose(undefined, NONE)), '→4')
  })

  test('says so when there is none', () => {
    const { fleet } = houseOf(PAIRS, { engines: { mode: 'regular' } })
    assert.equal(told(fleet.choose(undefined, NONE)), 'no mixed')
  })
})
