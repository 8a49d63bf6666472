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
  readonly queue: CapacityQueue
}

function setUp(options: { maxLegs?: number; maxPerEngine?: number } = {}): Setup {
  const slots = new EngineSlots(createSharedMemory(2, 2))
  const { maxLegs = Infinity, maxPerEngine = 0 } = options
  return { slots, queue: new CapacityQueue({ slots, thread: 0, maxLegs, maxPerEngine }) }
}

function free({ prefill, decode }: PairLeases): void {
  prefill?.release()
  decode.release()
}

/** A waiter that takes a pair, and writes its name to `log` when it starts. */
function waiterOf({ queue }: Setup, log: string[], name: string, held: PairLeases[] = []): Waiter {
  return {
    tryStart() {
      const leases = queue.tryTake(PAIR, 1)
      if (leases === undefined) return false
      held.push(leases)
      log.push(name)
      return true
    },
  }
}

suite('CapacityQueue', () => {
  test('gives leases on both engines or on none', () => {
    const { slots, queue } = setUp()
    assert.ok(queue.tryTake(PAIR, 2))
    assert.ok(!queue.hasRoom(DECODE, 1))
    assert.ok(queue.hasRoom(PREFILL, 6))
    assert.equal(queue.tryTake(PAIR, 1), undefined)
    assert.deepEqual([slots.inFlight(0), slots.inFlight(1)], [2, 2])
  })

  test('applies the smaller of the capacities that the engine reports and that is configured', () => {
    const { queue } = setUp({ maxPerEngine: 1 })
    assert.ok(queue.tryTake(PAIR, 1))
    assert.equal(queue.tryTake(PAIR, 1), undefined)
  })

  test('allows no more legs than connections', () => {
    const { queue } = setUp({ maxLegs: 3 })
    const first = queue.tryTake(PAIR, 1)
    assert.equal(queue.tryTake(PAIR, 1), undefined)
    if (first !== undefined) free(first)
    assert.ok(queue.tryTake(PAIR, 1))
  })

  test('serves waiters in order, and forgets one that has left', async t => {
    const setup = setUp()
    const [log, held]: [string[], PairLeases[]] = [[], []]
    const first = setup.queue.tryTake(PAIR, 2)
    const gone = waiterOf(setup, log, 'gone')
    for (const waiter of [waiterOf(setup, log, 'a', held), gone, waiterOf(setup, log, 'b', held)]) {
      setup.queue.wait('', waiter)
      t.after(() => setup.queue.leave('', waiter))
    }
    setup.queue.leave('', gone)
    assert.ok(setup.queue.hasWaiting(''))
    if (first !== undefined) free(first)
    await nextTurn()
    assert.deepEqual(log, ['a', 'b'])
    assert.ok(!setup.queue.hasWaiting(''))
  })

  test('does not let one key hold up another', async t => {
    const setup = setUp()
    const log: string[] = []
    const held = setup.queue.tryTake(PAIR, 1)
    const stuck: Waiter = { tryStart: () => false }
    setup.queue.wait('a', stuck)
    t.after(() => setup.queue.leave('a', stuck))
    setup.queue.wait('b', waiterOf(setup, log, 'b'))
    if (held !== undefined) free(held)
    await nextTurn()
    assert.deepEqual(log, ['b'])
  })

  test('finds room that another thread has made', (t: TestContext) => {
    t.mock.timers.enable({ apis: ['setInterval'] })
    const setup = setUp()
    const log: string[] = []
    const foreignLease = Lease.tryAcquire(setup.slots, 1, DECODE, { weight: 2, capacity: 2 })
    setup.queue.wait('', waiterOf(setup, log, 'a'))
    t.mock.timers.tick(5)
    assert.deepEqual(log, [])
    foreignLease?.release()
    t.mock.timers.tick(5)
    assert.deepEqual(log, ['a'])
  })
})
