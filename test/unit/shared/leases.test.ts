import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { EngineSlots } from '../../../src/shared/engine-slots.ts'
import { createSharedMemory } from '../../../src/shared/layout.ts'
import { Lease } from '../../../src/shared/leases.ts'
import { engineOf } from '../../support/engines.ts'
import { heldLease } from '../../support/held-lease.ts'

const ENGINES = 3
const THREADS = 2

interface Setup {
  readonly slots: EngineSlots
  readonly held: { readonly lease: Lease; readonly slot: number; readonly thread: number }[]
  readonly released: Lease[]
}

function newSetup(): Setup {
  const slots = new EngineSlots(createSharedMemory(ENGINES, THREADS))
  for (let slot = 0; slot < ENGINES; slot++) slots.assign(slot, 1)
  return { slots, held: [], released: [] }
}

type Turn =
  | { readonly kind: 'acquire'; readonly thread: number; readonly slot: number; readonly generation: number }
  | { readonly kind: 'release' | 'release-again'; readonly which: number }
  | { readonly kind: 'reuse'; readonly slot: number }
  | { readonly kind: 'thread-lost'; readonly thread: number }

const slot = fc.nat(ENGINES - 1)
const thread = fc.nat(THREADS - 1)
const turn: fc.Arbitrary<Turn> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('acquire'),
      thread,
      slot,
      generation: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('release', 'release-again'), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reuse'), slot }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('thread-lost'), thread }) },
)

function take(setup: Setup, next: Turn): void {
  const { slots, held, released } = setup
  switch (next.kind) {
    case 'acquire': {
      // The generation may be outdated or not yet assigned, because snapshots arrive late.
      const lease = heldLease(slots, next.thread, engineOf(next))
      held.push({ lease, slot: next.slot, thread: next.thread })
      return
    }
    case 'release': {
      const [ended] = held.length === 0 ? [] : held.splice(next.which % held.length, 1)
      ended?.lease.release()
      if (ended !== undefined) released.push(ended.lease)
      return
    }
    case 'release-again':
      return released[next.which % Math.max(1, released.length)]?.release()
    case 'reuse':
      return slots.assign(next.slot, slots.generation(next.slot) + 1)
    case 'thread-lost': {
      slots.clearThread(next.thread)
      const remaining = held.filter(lease => lease.thread !== next.thread)
      held.splice(0, held.length, ...remaining)
    }
  }
}

suite('Lease', () => {
  test('counts one leg from acquire to release', () => {
    const { slots } = newSetup()
    const lease = heldLease(slots, 0, engineOf())
    assert.equal(slots.inFlight(0), 1)
    lease.release()
    assert.equal(slots.inFlight(0), 0)
  })

  test('counts once, however often it is released', () => {
    const { slots } = newSetup()
    const [first] = [heldLease(slots, 0, engineOf()), heldLease(slots, 1, engineOf())]
    first.release()
    first.release()
    assert.equal(slots.inFlight(0), 1)
  })

  test('leaves no count on a slot that was given to another engine', () => {
    const { slots } = newSetup()
    const early = heldLease(slots, 0, engineOf({ generation: 1 }))
    slots.assign(0, 2)
    const late = heldLease(slots, 1, engineOf({ generation: 1 }))
    early.release()
    late.release()
    assert.equal(slots.inFlight(0), 0)
  })

  test('counts exactly the leases held, for any sequence of events', () => {
    fc.assert(
      fc.property(fc.array(turn, { maxLength: 60 }), turns => {
        const setup = newSetup()
        for (const next of turns) {
          take(setup, next)
          for (let index = 0; index < ENGINES; index++) {
            const held = setup.held.filter(lease => lease.slot === index).length
            assert.equal(setup.slots.inFlight(index), held)
          }
        }
        for (const { lease } of setup.held) lease.release()
        for (let index = 0; index < ENGINES; index++) assert.equal(setup.slots.inFlight(index), 0)
      }),
      { seed: 12, numRuns: 500 },
    )
  })
})

const CAPACITY = 5

type BoundedTurn =
  | { readonly kind: 'take'; readonly thread: number; readonly slot: number }
  | { readonly kind: 'give'; readonly which: number }
  | { readonly kind: 'reuse'; readonly slot: number }

const boundedTurn: fc.Arbitrary<BoundedTurn> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('take'), thread, slot }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('give'), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reuse'), slot }) },
)

suite('Lease with a capacity', () => {
  test('is granted up to the capacity, and reports its release', () => {
    const { slots } = newSetup()
    let released = 0
    const terms = { capacity: 1, onRelease: () => released++ }
    const first = Lease.tryAcquire(slots, 0, engineOf(), terms)
    assert.equal(Lease.tryAcquire(slots, 1, engineOf(), terms), undefined)
    assert.equal(slots.inFlight(0), 1)
    first?.release()
    first?.release()
    assert.deepEqual([released, slots.inFlight(0)], [1, 0])
  })

  test('ends the work of its engine when it is released, and only then', () => {
    const { slots } = newSetup()
    const lease = Lease.tryAcquire(slots, 0, engineOf(), { capacity: 1 })
    let ended = 0
    lease?.keepWork(() => ended++)
    assert.equal(ended, 0)
    lease?.release()
    lease?.release()
    assert.equal(ended, 1)
  })

  test('admits one leg to an engine that reports a capacity of 0', () => {
    const { slots } = newSetup()
    assert.ok(Lease.tryAcquire(slots, 0, engineOf(), { capacity: 0 }))
    assert.equal(Lease.tryAcquire(slots, 1, engineOf(), { capacity: 0 }), undefined)
  })

  test('keeps the next room for a reservation, of which an engine has one at a time', () => {
    const { slots } = newSetup()
    const terms = { capacity: 3 }
    const running = [0, 1, 1].map(row => Lease.tryAcquire(slots, row, engineOf(), terms))
    const reserved = Lease.tryReserve(slots, 0, engineOf(), terms)
    assert.equal(Lease.tryReserve(slots, 1, engineOf(), terms), undefined)
    assert.equal(reserved?.isCovered, false)
    running[0]?.release()
    assert.equal(Lease.tryAcquire(slots, 1, engineOf(), terms), undefined)
    assert.equal(reserved.isCovered, true)
    reserved.endReservation()
    assert.equal(slots.inFlight(0), 3)
    const next = Lease.tryReserve(slots, 1, engineOf(), terms)
    assert.equal(next?.isCovered, false)
    next.release()
    assert.ok(Lease.tryReserve(slots, 0, engineOf(), terms))
    // What a dead thread had reserved is free again.
    slots.clearThread(0)
    assert.ok(Lease.tryReserve(slots, 1, engineOf(), terms))
  })

  test('never exceeds the capacity, for any sequence of events of several threads', () => {
    fc.assert(
      fc.property(fc.array(boundedTurn, { maxLength: 80 }), turns => {
        const { slots } = newSetup()
        const held: { readonly lease: Lease; readonly slot: number }[] = []
        for (const next of turns) {
          if (next.kind === 'reuse') slots.assign(next.slot, slots.generation(next.slot) + 1)
          else if (next.kind === 'give')
            held.splice(next.which % Math.max(1, held.length), 1)[0]?.lease.release()
          else {
            const engine = engineOf({ slot: next.slot })
            const lease = Lease.tryAcquire(slots, next.thread, engine, { capacity: CAPACITY })
            if (lease !== undefined) held.push({ lease, slot: next.slot })
          }
          for (let index = 0; index < ENGINES; index++) {
            const onEngine = held.filter(lease => lease.slot === index).length
            assert.equal(slots.inFlight(index), onEngine)
            assert.ok(onEngine <= CAPACITY)
          }
        }
        for (const { lease } of held) lease.release()
        for (let index = 0; index < ENGINES; index++) assert.equal(slots.inFlight(index), 0)
      }),
      { seed: 7, numRuns: 500 },
    )
  })
})

suite('EngineSlots', () => {
  test('resets the health of a slot that is given to another engine', () => {
    const { slots } = newSetup()
    slots.setHealth(1, 'healthy')
    slots.assign(1, 2)
    assert.deepEqual([slots.health(1), slots.generation(1), slots.isHealthy(1)], ['unknown', 2, false])
  })

  test('shows the same health to all threads', () => {
    const memory = createSharedMemory(ENGINES, THREADS)
    const [control, router] = [new EngineSlots(memory), new EngineSlots(memory)]
    for (const health of ['healthy', 'unhealthy', 'draining'] as const) {
      control.setHealth(2, health)
      assert.equal(router.health(2), health)
      assert.equal(router.isHealthy(2), health === 'healthy')
    }
    assert.equal(router.health(1), 'unknown')
  })

  test('removes only the legs of the thread that died', () => {
    const { slots } = newSetup()
    heldLease(slots, 0, engineOf())
    heldLease(slots, 1, engineOf())
    slots.clearThread(0)
    assert.equal(slots.inFlight(0), 1)
  })
})
