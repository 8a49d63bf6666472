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
function stuckWaiter(): Waiter {
  return { owner: owners++, isSample: false, tryStart: () => false, reserve: () => undefined }
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
      const leases = queue.tryTake(PAIR)
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
    assert.ok(queue.tryTake(PAIR) && queue.tryTake(PAIR))
    assert.ok(!queue.hasRoom(DECODE))
    assert.ok(queue.hasRoom(PREFILL))
    assert.equal(queue.tryTake(PAIR), undefined)
    assert.deepEqual([slots.inFlight(0), slots.inFlight(1)], [2, 2])
  })

  test('applies the smaller of the capacities that the engine reports and that is configured', () => {
    const { queue } = setUp({ maxPerEngine: 1 })
    assert.ok(queue.tryTake(PAIR))
    assert.equal(queue.tryTake(PAIR), undefined)
  })

  test('allows no more legs than connections', () => {
    const { queue } = setUp({ maxLegs: 3 })
    const first = queue.tryTake(PAIR)
    assert.equal(queue.tryTake(PAIR), undefined)
    if (first !== undefined) free(first)
    assert.ok(queue.tryTake(PAIR))
  })

  test('serves waiters in order, and forgets one that has left', async t => {
    const setup = setUp()
    const [log, held]: [string[], PairLeases[]] = [[], []]
    const running = [setup.queue.tryTake(PAIR), setup.queue.tryTake(PAIR)]
    const gone = waiterOf(setup, log, 'gone')
    for (const waiter of [waiterOf(setup, log, 'a', held), gone, waiterOf(setup, log, 'b', held)]) {
      setup.queue.wait(ANYWHERE, waiter)
      t.after(() => setup.queue.leave(ANYWHERE, waiter))
    }
    setup.queue.leave(ANYWHERE, gone)
    assert.ok(setup.queue.hasWaiting(ANYWHERE))
    for (const leases of running) if (leases !== undefined) free(leases)
    await nextTurn()
    assert.deepEqual(log, ['a', 'b'])
    assert.ok(!setup.queue.hasWaiting(ANYWHERE))
  })

  test('does not let one key hold up another', async t => {
    const setup = setUp()
    const log: string[] = []
    const held = setup.queue.tryTake(PAIR)
    const stuck = stuckWaiter()
    setup.queue.wait(lineKeyOf('a'), stuck)
    t.after(() => setup.queue.leave(lineKeyOf('a'), stuck))
    setup.queue.wait(lineKeyOf('b'), waiterOf(setup, log, 'b'))
    if (held !== undefined) free(held)
    await nextTurn()
    assert.deepEqual(log, ['b'])
  })

  test('counts the exchanges that wait', t => {
    const { queue, counts } = setUp()
    const waiters = [stuckWaiter(), { ...stuckWaiter(), isSample: true }, stuckWaiter()]
    t.after(() => {
      for (const waiter of waiters) queue.leave(ANYWHERE, waiter)
      assert.equal(counts.at(-1), '0 0')
    })
    for (const waiter of waiters) queue.wait(ANYWHERE, waiter)
    assert.equal(counts.at(-1), '2 1')
  })

  test('keeps the next room for a reservation, which is covered once an engine is free enough', () => {
    const { slots, queue } = setUp()
    const running = [queue.tryTake(PAIR), queue.tryTake(PAIR)]
    const reservation = queue.tryReserve(PAIR)
    assert.ok(running[0] && running[1] && reservation && !isCovered(reservation))
    free(running[0])
    // Nothing else may use the engine meanwhile, nor wait for it in the same way.
    assert.equal(queue.hasRoom(DECODE), false)
    assert.equal(queue.tryReserve(PAIR), undefined)
    assert.ok(isCovered(reservation))
    free(reservation.leases)
    free(running[1])
    assert.deepEqual([slots.inFlight(0), slots.inFlight(1)], [0, 0])
  })

  test('finds room that another thread has made', (t: TestContext) => {
    t.mock.timers.enable({ apis: ['setInterval'] })
    const setup = setUp()
    const log: string[] = []
    const foreignLeases = [1, 1].map(row => Lease.tryAcquire(setup.slots, row, DECODE, { capacity: 2 }))
    setup.queue.wait(ANYWHERE, waiterOf(setup, log, 'a'))
    t.mock.timers.tick(5)
    assert.deepEqual(log, [])
    for (const lease of foreignLeases) lease?.release()
    t.mock.timers.tick(5)
    assert.deepEqual(log, ['a'])
  })
})
