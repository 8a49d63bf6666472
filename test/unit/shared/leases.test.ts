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
  readonly given: Lease[]
}

function newSetup(): Setup {
  const slots = new EngineSlots(createSharedMemory(ENGINES, THREADS))
  for (let slot = 0; slot < ENGINES; slot++) slots.assign(slot, 1)
  return { slots, held: [], given: [] }
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
  const { slots, held, given } = setup
  switch (next.kind) {
    case 'acquire': {
      // The generation may be one that the slot no longer has, or not yet: snapshots travel.
      const lease = heldLease(slots, next.thread, engineOf(next))
      held.push({ lease, slot: next.slot, thread: next.thread })
      return
    }
    case 'release': {
      const [each] = held.length === 0 ? [] : held.splice(next.which % held.length, 1)
      each?.lease.release()
      if (each !== undefined) given.push(each.lease)
      return
    }
    case 'release-again':
      return given[next.which % Math.max(1, given.length)]?.release()
    case 'reuse':
      return slots.assign(next.slot, slots.generation(next.slot) + 1)
    case 'thread-lost': {
      slots.clearThread(next.thread)
      const left = held.filter(each => each.thread !== next.thread)
      held.splice(0, held.length, ...left)
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

  test('is given back once, however often it is released', () => {
    const { slots } = newSetup()
    const [first] = [heldLease(slots, 0, engineOf()), heldLease(slots, 1, engineOf())]
    first.release()
    first.release()
    assert.equal(slots.inFlight(0), 1)
  })

  test('leaves nothing behind on a slot that has changed hands', () => {
    const { slots } = newSetup()
    const early = heldLease(slots, 0, engineOf({ generation: 1 }))
    slots.assign(0, 2)
    const late = heldLease(slots, 1, engineOf({ generation: 1 }))
    early.release()
    late.release()
    assert.equal(slots.inFlight(0), 0)
  })

  test('counts exactly what is held, never below zero, over any turn of events', () => {
    fc.assert(
      fc.property(fc.array(turn, { maxLength: 60 }), turns => {
        const setup = newSetup()
        for (const next of turns) {
          take(setup, next)
          for (let each = 0; each < ENGINES; each++) {
            const held = setup.held.filter(lease => lease.slot === each).length
            assert.equal(setup.slots.inFlight(each), held)
          }
        }
        for (const { lease } of setup.held) lease.release()
        for (let each = 0; each < ENGINES; each++) assert.equal(setup.slots.inFlight(each), 0)
      }),
      { seed: 12, numRuns: 500 },
    )
  })
})

const CAPACITY = 5

type BoundedTurn =
  | { readonly kind: 'take'; readonly thread: number; readonly slot: number; readonly weight: number }
  | { readonly kind: 'give'; readonly which: number }
  | { readonly kind: 'reuse'; readonly slot: number }

const boundedTurn: fc.Arbitrary<BoundedTurn> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('take'),
      thread,
      slot,
      weight: fc.integer({ min: 1, max: 7 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('give'), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reuse'), slot }) },
)

suite('Lease with a capacity', () => {
  test('is given while there is room, and tells when it is given back', () => {
    const { slots } = newSetup()
    let released = 0
    const terms = { weight: 2, capacity: 3, onRelease: () => released++ }
    const first = Lease.tryAcquire(slots, 0, engineOf(), terms)
    assert.equal(Lease.tryAcquire(slots, 1, engineOf(), terms), undefined)
    assert.equal(slots.inFlight(0), 2)
    first?.release()
    first?.release()
    assert.deepEqual([released, slots.inFlight(0)], [1, 0])
  })

  test('lets a leg that is larger than the engine in alone', () => {
    const { slots } = newSetup()
    const large = { weight: 9, capacity: 3 }
    const lease = Lease.tryAcquire(slots, 0, engineOf(), large)
    assert.equal(slots.inFlight(0), 9)
    assert.equal(Lease.tryAcquire(slots, 1, engineOf(), { weight: 1, capacity: 3 }), undefined)
    lease?.release()
    const small = Lease.tryAcquire(slots, 1, engineOf(), { weight: 1, capacity: 3 })
    assert.ok(small)
    assert.equal(Lease.tryAcquire(slots, 0, engineOf(), large), undefined)
  })

  test('never lets an engine above its capacity, over any turn of events of several threads', () => {
    fc.assert(
      fc.property(fc.array(boundedTurn, { maxLength: 80 }), turns => {
        const { slots } = newSetup()
        const held: { readonly lease: Lease; readonly slot: number; readonly weight: number }[] = []
        for (const next of turns) {
          if (next.kind === 'reuse') slots.assign(next.slot, slots.generation(next.slot) + 1)
          else if (next.kind === 'give')
            held.splice(next.which % Math.max(1, held.length), 1)[0]?.lease.release()
          else {
            const terms = { weight: next.weight, capacity: CAPACITY }
            const lease = Lease.tryAcquire(slots, next.thread, engineOf({ slot: next.slot }), terms)
            if (lease !== undefined) held.push({ lease, slot: next.slot, weight: next.weight })
          }
          for (let each = 0; each < ENGINES; each++) {
            const weights = held.filter(lease => lease.slot === each).map(lease => lease.weight)
            const sum = weights.reduce((total, weight) => total + weight, 0)
            assert.equal(slots.inFlight(each), sum)
            assert.ok(sum <= CAPACITY || weights.length === 1)
          }
        }
        for (const { lease } of held) lease.release()
        for (let each = 0; each < ENGINES; each++) assert.equal(slots.inFlight(each), 0)
      }),
      { seed: 7, numRuns: 500 },
    )
  })
})

suite('EngineSlots', () => {
  test('gives a slot that changes hands an unknown health', () => {
    const { slots } = newSetup()
    slots.setHealth(1, 'healthy')
    slots.assign(1, 2)
    assert.deepEqual([slots.health(1), slots.generation(1), slots.isHealthy(1)], ['unknown', 2, false])
  })

  test('shows all threads the same health', () => {
    const memory = createSharedMemory(ENGINES, THREADS)
    const [control, router] = [new EngineSlots(memory), new EngineSlots(memory)]
    for (const health of ['healthy', 'unhealthy', 'draining'] as const) {
      control.setHealth(2, health)
      assert.equal(router.health(2), health)
      assert.equal(router.isHealthy(2), health === 'healthy')
    }
    assert.equal(router.health(1), 'unknown')
  })

  test('forgets only the legs of the thread that is gone', () => {
    const { slots } = newSetup()
    heldLease(slots, 0, engineOf())
    heldLease(slots, 1, engineOf())
    slots.clearThread(0)
    assert.equal(slots.inFlight(0), 1)
  })
})
