import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { type ConfigInput, configSchema } from '../../../../src/config/config.ts'
import type { Engine } from '../../../../src/core/engine.ts'
import { seededRandom } from '../../../../src/core/random.ts'
import { BreakerCells } from '../../../../src/shared/breaker-cells.ts'
import { SharedCounters } from '../../../../src/shared/counters.ts'
import { EngineSlots } from '../../../../src/shared/engine-slots.ts'
import { createSharedMemory } from '../../../../src/shared/layout.ts'
import { PairHealth } from '../../../../src/shared/pair-health.ts'
import { Breakers } from '../../../../workers/selection/breakers.ts'
import { type PairChoice, PairSelector } from '../../../../workers/selection/pair-selector.ts'
import { engineOf } from '../../../support/engines.ts'
import { heldLease } from '../../../support/held-lease.ts'

const PAIRS = [
  engineOf({ slot: 0, role: 'prefill' }),
  engineOf({ slot: 1, role: 'prefill' }),
  engineOf({ slot: 2, role: 'decode' }),
  engineOf({ slot: 3, role: 'decode' }),
]
const NONE: ReadonlySet<number> = new Set()

interface Setup {
  readonly fleet: PairSelector
  readonly slots: EngineSlots
  readonly breakers: Breakers
  readonly pairHealth: PairHealth
  readonly clock: { nowMs: number }
}

/** A thread that knows these engines, all of them healthy. */
function setupOf(engines: readonly Engine[], config: ConfigInput = {}): Setup {
  const memory = createSharedMemory(8, 1)
  const slots = new EngineSlots(memory)
  const complete = configSchema.parse({
    ...config,
    breaker: { openSecs: 1, failureThreshold: 2, ...config.breaker },
  })
  const clock = { nowMs: 1000 }
  const nowMs = (): number => clock.nowMs
  const breakers = new Breakers(new BreakerCells(memory), complete, {
    nowMs,
    generationOf: () => 1,
    inFlightOf: () => 0,
    onChange: () => undefined,
  })
  const pairHealth = new PairHealth(memory, complete.pairs)
  const counters = new SharedCounters(memory)
  const random = seededRandom(1)
  const fleet = new PairSelector(complete, { slots, counters, breakers, pairHealth, random, nowMs })
  for (const { slot } of engines) slots.setHealth(slot, 'healthy')
  fleet.update({ generation: 1, engines })
  return { fleet, slots, breakers, pairHealth, clock }
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

function fail(setup: Setup, slot: number, times = 2): void {
  const engine = engineOf({ ...PAIRS[slot], slot })
  for (let time = 0; time < times; time++) setup.breakers.record(engine, 'failed')
}

function breakLink({ pairHealth, clock }: Setup, prefill: number, decode: number): void {
  pairHealth.failed(prefill, decode, clock.nowMs, true)
}

suite('Fleet of prefill and decode engines', () => {
  test('makes a pair of one engine of each role', () => {
    assert.match(told(setupOf(PAIRS).fleet.choose(undefined, NONE)), /^[01]→[23]$/)
  })

  test('takes turns for both roles by round robin', () => {
    const { fleet } = setupOf(PAIRS, { policy: { main: 'round_robin' } })
    const pairs = Array.from({ length: 4 }, () => told(fleet.choose(undefined, NONE)))
    assert.deepEqual(pairs, ['0→2', '1→3', '0→2', '1→3'])
  })

  test('gives each role the policy that was named for it', () => {
    const { fleet, slots } = setupOf(PAIRS, { policy: { main: 'round_robin', decode: 'least_load' } })
    heldLease(slots, 0, engineOf({ slot: 2 }))
    const pairs = Array.from({ length: 2 }, () => told(fleet.choose(undefined, NONE)))
    assert.deepEqual(pairs, ['0→3', '1→3'])
  })

  test('sees the load of a lease at once', () => {
    const { fleet, slots } = setupOf(PAIRS, { policy: { main: 'least_load' } })
    const first = fleet.choose(undefined, NONE)
    assert.equal(first.kind, 'pair')
    if (first.kind !== 'pair' || first.pair.prefill === undefined) return
    const { prefill, decode } = first.pair
    heldLease(slots, 0, prefill)
    heldLease(slots, 0, decode)
    assert.equal(told(fleet.choose(undefined, NONE)), `${1 - prefill.slot}→${5 - decode.slot}`)
  })

  for (const health of ['unhealthy', 'draining', 'unknown'] as const)
    test(`sends nothing to an engine that is ${health}`, () => {
      const { fleet, slots } = setupOf(PAIRS)
      if (health === 'unknown') slots.assign(0, 2)
      else slots.setHealth(0, health)
      for (let turn = 0; turn < 20; turn++) assert.match(told(fleet.choose(undefined, NONE)), /^1→/)
    })

  test('avoids engines that have failed the request while there are others', () => {
    const { fleet } = setupOf(PAIRS)
    for (let turn = 0; turn < 20; turn++) assert.equal(told(fleet.choose(undefined, new Set([0, 3]))), '1→2')
    assert.match(told(fleet.choose(undefined, new Set([0, 1, 2, 3]))), /^[01]→[23]$/)
  })

  test('says which role is missing', () => {
    const { fleet, slots } = setupOf(PAIRS)
    slots.setHealth(2, 'unhealthy')
    slots.setHealth(3, 'unhealthy')
    assert.equal(told(fleet.choose(undefined, NONE)), 'no decode')
    slots.setHealth(0, 'unhealthy')
    slots.setHealth(1, 'unhealthy')
    assert.equal(told(fleet.choose(undefined, NONE)), 'no prefill')
    assert.equal(told(setupOf([]).fleet.choose('any', NONE)), 'no prefill')
  })

  test('joins only engines of the model that was named, in a fleet of several', () => {
    const mixed = PAIRS.map(engine => engineOf({ ...engine, models: engine.slot % 2 === 0 ? ['a'] : ['b'] }))
    const { fleet } = setupOf(mixed)
    for (let turn = 0; turn < 10; turn++) {
      assert.equal(told(fleet.choose('a', NONE)), '0→2')
      assert.equal(told(fleet.choose('b', NONE)), '1→3')
    }
    assert.equal(told(fleet.choose('c', NONE)), 'unknown-model')
  })
})

suite('Fleet with circuit breakers', () => {
  test('sends nothing to an engine whose breaker is open', () => {
    const setup = setupOf(PAIRS)
    fail(setup, 0)
    for (let turn = 0; turn < 20; turn++) assert.match(told(setup.fleet.choose(undefined, NONE)), /^1→/)
  })

  test('takes an engine that has failed the request before one whose breaker is open', () => {
    const setup = setupOf(PAIRS)
    fail(setup, 0)
    assert.match(told(setup.fleet.choose(undefined, new Set([1]))), /^1→/)
  })

  test('ignores the breakers of a role when they would leave out more than the share', () => {
    const setup = setupOf(PAIRS)
    fail(setup, 0)
    fail(setup, 1)
    const pairs = new Set(Array.from({ length: 20 }, () => told(setup.fleet.choose(undefined, NONE))[0]))
    assert.deepEqual([pairs.has('0'), pairs.has('1')], [true, true])
  })

  test('lets one request at a time probe, and the next one when it told nothing', () => {
    const setup = setupOf(PAIRS, { policy: { main: 'round_robin' } })
    fail(setup, 0)
    setup.clock.nowMs += 1000
    const choices = Array.from({ length: 10 }, () => setup.fleet.choose(undefined, NONE))
    const probing = choices.filter(choice => told(choice).startsWith('0'))
    assert.equal(probing.length, 1)
    const [choice] = probing
    assert.ok(choice?.kind === 'pair' && choice.probes.length === 1)
    for (const probe of choice.probes) setup.breakers.settle(probe, 'neutral')
    const again = Array.from({ length: 10 }, () => told(setup.fleet.choose(undefined, NONE)))
    assert.equal(again.filter(pair => pair.startsWith('0')).length, 1)
  })

  test('gives the first probe back when another thread holds that of the other engine', () => {
    const setup = setupOf([engineOf({ slot: 0, role: 'prefill' }), engineOf({ slot: 2 })], {
      breaker: { maxEjectedShare: 1 },
    })
    fail(setup, 0)
    fail(setup, 2)
    setup.clock.nowMs += 1000
    const first = setup.fleet.choose(undefined, NONE)
    assert.ok(first.kind === 'pair' && first.probes.length === 2)
    // All are out now: panic sends anyway, as no probe.
    const second = setup.fleet.choose(undefined, NONE)
    assert.ok(second.kind === 'pair' && second.probes.length === 0)
  })
})

suite('Fleet with pair pairHealth', () => {
  test('keeps two engines apart whose link is broken, and uses both with others', () => {
    const setup = setupOf(PAIRS, { policy: { main: 'random' } })
    breakLink(setup, 0, 2)
    const pairs = new Set(Array.from({ length: 60 }, () => told(setup.fleet.choose(undefined, NONE))))
    assert.deepEqual([...pairs].toSorted(), ['0→3', '1→2', '1→3'])
  })

  test('leaves out an engine all of whose pairHealth are broken', () => {
    const setup = setupOf(PAIRS, { policy: { main: 'random' } })
    breakLink(setup, 0, 2)
    breakLink(setup, 0, 3)
    for (let turn = 0; turn < 20; turn++) assert.match(told(setup.fleet.choose(undefined, NONE)), /^1→/)
  })

  test('makes a pair even when all pairHealth are broken', () => {
    const setup = setupOf(PAIRS)
    for (const prefill of [0, 1]) for (const decode of [2, 3]) breakLink(setup, prefill, decode)
    assert.match(told(setup.fleet.choose(undefined, NONE)), /^[01]→[23]$/)
  })
})

suite('Fleet of engines that do both', () => {
  test('takes one engine and no prefill', () => {
    const { fleet } = setupOf([engineOf({ slot: 4, role: 'mixed' })], { engines: { mode: 'mixed' } })
    assert.equal(told(fleet.choose(undefined, NONE)), '→4')
  })

  test('says so when there is none', () => {
    const { fleet } = setupOf(PAIRS, { engines: { mode: 'mixed' } })
    assert.equal(told(fleet.choose(undefined, NONE)), 'no mixed')
  })
})
