import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { EngineSlots } from '../../../../src/shared/engine-slots.ts'
import { createSharedMemory } from '../../../../src/shared/layout.ts'
import { Lease } from '../../../../src/shared/leases.ts'
import { CapacityQueue, type PairLeases, type Waiter } from '../../../../workers/selection/capacity-queue.ts'
import { engineOf } from '../../../support/engines.ts'

const PREFILL = engineOf({ slot: 0, role: 'prefill', maxRunning: 8 })
const DECODE = engineOf({ slot: 1, maxRunning: 2 })
const PAIR = { prefill: PREFILL, decode: DECODE }

interface Setup {
  readonly slots: EngineSlots
  readonly capacity: CapacityQueue
}

function newSetup(more: { maxLegs?: number; maxPerEngine?: number } = {}): Setup {
  const slots = new EngineSlots(createSharedMemory(2, 2))
  const { maxLegs = Infinity, maxPerEngine = 0 } = more
  return { slots, capacity: new CapacityQueue({ slots, thread: 0, maxLegs, maxPerEngine }) }
}

function free({ prefill, decode }: PairLeases): void {
  prefill?.release()
  decode.release()
}

/** Waits for a pair; `log` hears of the start. */
function waiterOf({ capacity }: Setup, log: string[], name: string, held: PairLeases[] = []): Waiter {
  return {
    tryStart() {
      const leases = capacity.tryTake(PAIR, 1)
      if (leases === undefined) return false
      held.push(leases)
      log.push(name)
      return true
    },
  }
}

suite('Capacity', () => {
  test('gives places on both engines or on none', () => {
    const { slots, capacity } = newSetup()
    assert.ok(capacity.tryTake(PAIR, 2))
    assert.ok(!capacity.hasRoom(DECODE, 1))
    assert.ok(capacity.hasRoom(PREFILL, 6))
    assert.equal(capacity.tryTake(PAIR, 1), undefined)
    assert.deepEqual([slots.inFlight(0), slots.inFlight(1)], [2, 2])
  })

  test('takes the smaller of what the engine names and what is configured', () => {
    const { capacity } = newSetup({ maxPerEngine: 1 })
    assert.ok(capacity.tryTake(PAIR, 1))
    assert.equal(capacity.tryTake(PAIR, 1), undefined)
  })

  test('has no more legs than connections', () => {
    const { capacity } = newSetup({ maxLegs: 3 })
    const first = capacity.tryTake(PAIR, 1)
    assert.equal(capacity.tryTake(PAIR, 1), undefined)
    if (first !== undefined) free(first)
    assert.ok(capacity.tryTake(PAIR, 1))
  })

  test('serves those who wait in order, and forgets one that has left', async t => {
    const setup = newSetup()
    const [log, held]: [string[], PairLeases[]] = [[], []]
    const first = setup.capacity.tryTake(PAIR, 2)
    const gone = waiterOf(setup, log, 'gone')
    for (const waiter of [waiterOf(setup, log, 'a', held), gone, waiterOf(setup, log, 'b', held)]) {
      setup.capacity.wait('', waiter)
      t.after(() => setup.capacity.leave('', waiter))
    }
    setup.capacity.leave('', gone)
    assert.ok(setup.capacity.hasWaiting(''))
    if (first !== undefined) free(first)
    await nextTurn()
    assert.deepEqual(log, ['a', 'b'])
    assert.ok(!setup.capacity.hasWaiting(''))
  })

  test('does not let a full model hold up another', async t => {
    const setup = newSetup()
    const log: string[] = []
    const other = setup.capacity.tryTake(PAIR, 1)
    const stuck: Waiter = { tryStart: () => false }
    setup.capacity.wait('a', stuck)
    t.after(() => setup.capacity.leave('a', stuck))
    setup.capacity.wait('b', waiterOf(setup, log, 'b'))
    if (other !== undefined) free(other)
    await nextTurn()
    assert.deepEqual(log, ['b'])
  })

  test('finds room that another thread has made', (t: TestContext) => {
    t.mock.timers.enable({ apis: ['setInterval'] })
    const setup = newSetup()
    const log: string[] = []
    const theirs = Lease.tryAcquire(setup.slots, 1, DECODE, { weight: 2, capacity: 2 })
    setup.capacity.wait('', waiterOf(setup, log, 'a'))
    t.mock.timers.tick(5)
    assert.deepEqual(log, [])
    theirs?.release()
    t.mock.timers.tick(5)
    assert.deepEqual(log, ['a'])
  })
})
