import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { configSchema } from '../../../../src/config/config.ts'
import { EngineSlots } from '../../../../src/shared/engine-slots.ts'
import { createSharedMemory } from '../../../../src/shared/layout.ts'
import { Lease } from '../../../../src/shared/leases.ts'
import { CapacityQueue, isCovered, type PairLeases } from '../../../../workers/selection/capacity-queue.ts'
import type { LineKey, Waiter } from '../../../../workers/selection/waiting-lines.ts'
import { engineOf } from '../../../support/engines.ts'

const PREFILL = engineOf({ slot: 0, role: 'prefill', maxRunning: 8 })
const DECODE = engineOf({ slot: 1, maxRunning: 2 })
const PAIR = { prefill: PREFILL, decode: DECODE }

interface Setup {
  readonly slots: EngineSlots
  readonly queue: CapacityQueue
  /** Exchanges that wait, whenever that may have changed: whole ones, and those with samples. */
  readonly counts: string[]
}

const ANYWHERE = lineKeyOf('')

function lineKeyOf(model: string): LineKey {
  return { model, engines: model }
}

/** A waiter of an exchange of its own that never finds room. */
function stuckWaiter(weight = 1): Waiter {
  return { weight, owner: owners++, isSample: false, tryStart: () => false, reserve: () => undefined }
}

let owners = 0

function setUp(options: { maxLegs?: number; maxPerEngine?: number } = {}): Setup {
  const slots = new EngineSlots(createSharedMemory(2, 2))
  const { maxLegs = Infinity, maxPerEngine = 0 } = options
  const counts: string[] = []
  const queue = new CapacityQueue({
    slots,
    waitingCounts: { set: (_, { whole, sampled }) => counts.push(`${whole} ${sampled}`) },
    thread: 0,
    admission: { ...configSchema.parse({}).admission, maxPerEngine },
    maxLegs,
    maxParked: 2,
  })
  return { slots, queue, counts }
}

function free({ prefill, decode }: PairLeases): void {
  prefill?.release()
  decode.release()
}

/** A waiter that takes a pair, and writes its name to `log` when it starts. */
function waiterOf({ queue }: Setup, log: string[], name: string, held: PairLeases[] = []): Waiter {
  return {
    ...stuckWaiter(),
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
      setup.queue.wait(ANYWHERE, waiter)
      t.after(() => setup.queue.leave(ANYWHERE, waiter))
    }
    setup.queue.leave(ANYWHERE, gone)
    assert.ok(setup.queue.hasWaiting(ANYWHERE, 1))
    if (first !== undefined) free(first)
    await nextTurn()
    assert.deepEqual(log, ['a', 'b'])
    assert.ok(!setup.queue.hasWaiting(ANYWHERE, 1))
  })

  test('does not let one key hold up another', async t => {
    const setup = setUp()
    const log: string[] = []
    const held = setup.queue.tryTake(PAIR, 1)
    const stuck = stuckWaiter()
    setup.queue.wait(lineKeyOf('a'), stuck)
    t.after(() => setup.queue.leave(lineKeyOf('a'), stuck))
    setup.queue.wait(lineKeyOf('b'), waiterOf(setup, log, 'b'))
    if (held !== undefined) free(held)
    await nextTurn()
    assert.deepEqual(log, ['b'])
  })

  test('refuses a waiter that needs much room when too many wait, and no other', t => {
    const { queue, counts } = setUp()
    const waiters = [stuckWaiter(), stuckWaiter(2), stuckWaiter(2), stuckWaiter()]
    t.after(() => {
      for (const waiter of waiters) queue.leave(ANYWHERE, waiter)
      assert.equal(counts.at(-1), '0 0')
    })
    assert.deepEqual(
      waiters.map(waiter => queue.wait(ANYWHERE, waiter)),
      [true, true, false, true],
    )
    assert.equal(counts.at(-1), '3 0')
  })

  test('collects room for a reservation, which is covered once the engines are free enough', () => {
    const { slots, queue } = setUp()
    const running = queue.tryTake(PAIR, 1)
    const reservation = queue.tryReserve(PAIR, 2)
    assert.ok(running && reservation && !isCovered(reservation))
    // Nothing else may use the engine meanwhile, nor wait for it in the same way.
    assert.equal(queue.hasRoom(DECODE, 1), false)
    assert.equal(queue.tryReserve(PAIR, 1), undefined)
    free(running)
    assert.ok(isCovered(reservation))
    assert.equal(queue.hasRoom(DECODE, 1), false)
    free(reservation.leases)
    assert.deepEqual([slots.inFlight(0), slots.inFlight(1)], [0, 0])
  })

  test('finds room that another thread has made', (t: TestContext) => {
    t.mock.timers.enable({ apis: ['setInterval'] })
    const setup = setUp()
    const log: string[] = []
    const foreignLease = Lease.tryAcquire(setup.slots, 1, DECODE, { weight: 2, capacity: 2 })
    setup.queue.wait(ANYWHERE, waiterOf(setup, log, 'a'))
    t.mock.timers.tick(5)
    assert.deepEqual(log, [])
    foreignLease?.release()
    t.mock.timers.tick(5)
    assert.deepEqual(log, ['a'])
  })
})
