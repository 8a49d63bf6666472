import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Engine } from '../../../src/core/engine.ts'
import { mix } from '../../../src/core/random.ts'
import { type ManualOptions, manual } from '../../../src/policy/manual.ts'
import { EngineSlots } from '../../../src/shared/engine-slots.ts'
import { createSharedMemory } from '../../../src/shared/layout.ts'
import { StickyKeys } from '../../../src/shared/sticky-keys.ts'
import { viewOf } from '../../contract/policy.contract.ts'
import { enginesOf } from '../../support/engines.ts'

const OPTIONS: ManualOptions = { loadFactor: 1.25, loadMargin: 4, assignment: 'hash' }
const MAX_IDLE_SECS = 60

/** The policy over real shared memory, for 8 engines. */
function setUp(change: Partial<ManualOptions> = {}, stickyKeys = 1024) {
  const memory = createSharedMemory(8, 1, undefined, { stickyKeys })
  const slots = new EngineSlots(memory)
  for (let slot = 0; slot < 8; slot++) slots.assign(slot, 1)
  const clock = { secs: 1000 }
  const keysOfThread = () =>
    new StickyKeys(memory, { slots, maxIdleSecs: MAX_IDLE_SECS, nowMs: () => clock.secs * 1000 })
  const policyOfThread = () => manual({ ...OPTIONS, ...change }, keysOfThread())
  const policy = policyOfThread()
  const choose = (engines: readonly Engine[], key: number, loads: readonly number[] = []): Engine =>
    policy(engines, viewOf(loads), { key })
  return { choose, slots, clock, policyOfThread, keys: keysOfThread() }
}

suite('manual', () => {
  test('leaves a key on its engine when engines are added and however loaded it is', () => {
    const { choose } = setUp()
    for (let key = 1; key < 100; key++) {
      const first = choose(enginesOf(3), key)
      const loads = [0, 0, 0].map((_, slot) => (slot === first.slot ? 99 : 0))
      assert.equal(choose(enginesOf(8), key, loads).slot, first.slot)
    }
  })

  test('gives the reason key as long as the key decides, and load where that is the load', () => {
    const { policyOfThread } = setUp()
    const policy = policyOfThread()
    const engines = enginesOf(3)
    const reasonOf = (key: number, loads: readonly number[], list = engines): string => {
      const view = viewOf(loads)
      policy(list, view, { key })
      return view.reason
    }
    const { slot } = policy(engines, viewOf([]), { key: 7 })
    const busy = engines.map(engine => (engine.slot === slot ? 99 : 0))
    const others = engines.filter(engine => engine.slot !== slot)
    assert.equal(reasonOf(7, busy), 'key')
    assert.equal(reasonOf(7, [], others), 'key')
    const { slot: second } = policy(others, viewOf([]), { key: 7 })
    assert.equal(
      reasonOf(
        7,
        engines.map(engine => (engine.slot === second ? 99 : 0)),
        others,
      ),
      'load',
    )
  })

  test('spreads new keys over all engines', () => {
    const { choose } = setUp()
    const taken = new Set(Array.from({ length: 50 }, (_, key) => choose(enginesOf(5), mix(key)).slot))
    assert.equal(taken.size, 5)
  })

  test('gives new keys to the engine with the fewest requests, if so configured', () => {
    const { choose } = setUp({ assignment: 'min_load' })
    for (let key = 1; key < 20; key++) assert.equal(choose(enginesOf(3), key, [2, 1, 2]).slot, 1)
    assert.equal(choose(enginesOf(3), 5, [0, 9, 0]).slot, 1)
  })

  test('has another engine stand in while its own cannot be chosen, and comes back', () => {
    const { choose } = setUp()
    const engines = enginesOf(4)
    for (let key = 1; key < 50; key++) {
      const own = choose(engines, key)
      const others = engines.filter(({ slot }) => slot !== own.slot)
      const other = choose(others, key)
      assert.equal(choose(others, key), other)
      assert.equal(choose(engines, key), own)
    }
  })

  test('gives a key to another engine once its own is being removed, or its slot has another engine', () => {
    for (const remove of [
      (slots: EngineSlots, slot: number) => slots.setHealth(slot, 'draining'),
      (slots: EngineSlots, slot: number) => slots.assign(slot, 2),
    ]) {
      const { choose, slots } = setUp()
      const engines = enginesOf(4)
      const own = choose(engines, 7)
      remove(slots, own.slot)
      const others = engines.filter(({ slot }) => slot !== own.slot)
      const next = choose(others, 7)
      assert.notEqual(next.slot, own.slot)
      slots.setHealth(own.slot, 'healthy')
      assert.equal(choose(engines, 7), next)
    }
  })

  test('forgets a key that was not used for long, but none that is used', () => {
    const { choose, clock } = setUp({ assignment: 'min_load' })
    const engines = enginesOf(2)
    assert.equal(choose(engines, 7, [0, 1]).slot, 0)
    for (let turn = 0; turn < 5; turn++) {
      clock.secs += MAX_IDLE_SECS
      assert.equal(choose(engines, 7, [1, 0]).slot, 0)
    }
    clock.secs += MAX_IDLE_SECS + 1
    assert.equal(choose(engines, 7, [1, 0]).slot, 1)
  })

  test('knows on one thread what another has chosen', () => {
    const { policyOfThread } = setUp({ assignment: 'min_load' })
    const [one, other] = [policyOfThread(), policyOfThread()]
    for (let key = 0; key < 50; key++) {
      const { slot } = one(enginesOf(4), viewOf([], 1, key), { key })
      assert.equal(other(enginesOf(4), viewOf([], 1, key + 1), { key }).slot, slot)
    }
  })

  test('sends requests without a key by load and remembers nothing', () => {
    const { policyOfThread } = setUp()
    const policy = policyOfThread()
    assert.equal(policy(enginesOf(3), viewOf([2, 1, 2]), {}).slot, 1)
    assert.equal(policy(enginesOf(3), viewOf([2, 2, 1])).slot, 2)
  })
})

suite('StickyKeys', () => {
  test('forgets the keys that were not used for longest when there are more than it may remember', () => {
    const { keys, clock } = setUp({}, 64)
    for (let key = 0; key < 1000; key++) {
      clock.secs++
      keys.assign(key, key % 8)
      assert.equal(keys.slotOf(key), key % 8)
    }
    // Within the time in which an unused key is remembered at all.
    const known = Array.from({ length: 60 }, (_, age) => 999 - age).filter(key => keys.slotOf(key) >= 0)
    assert.ok(known.length > 20, `${known.length}`)
    for (const key of known) assert.equal(keys.slotOf(key), key % 8)
    assert.equal(keys.slotOf(0), -1)
  })

  test('takes no entry for the key 0 from an empty table', () => {
    const { keys } = setUp()
    assert.equal(keys.slotOf(0), -1)
    keys.assign(0, 0)
    assert.equal(keys.slotOf(0), 0)
  })

  test('names no engine for an entry that two threads have written at the same time', () => {
    const memory = createSharedMemory(8, 1, undefined, { stickyKeys: 4 })
    const slots = new EngineSlots(memory)
    const keys = new StickyKeys(memory, { slots, maxIdleSecs: 60, nowMs: () => 1000 })
    keys.assign(1001, 3)
    const words = new Int32Array(memory.sticky)
    const entry = words.indexOf(1001)
    words[entry] = 2002
    assert.equal(keys.slotOf(2002), -1)
  })
})
