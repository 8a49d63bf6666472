import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { AdmissionQueue, Ticket } from '../../../../src/frontend/admission/queue.ts'
import {
  orderOfTurn,
  PRIORITIES,
  type Priority,
  priorityOf,
} from '../../../../src/frontend/intake/priority.ts'

const WIDE = { queueSize: 1000, queueBytes: 100_000 }
const ticketOf = (name: number, priority: Priority = 'normal', sinceMs = name): Ticket<number> =>
  new Ticket(name, priority, 10, sinceMs)

suite('Priority', () => {
  for (const [header, expected] of [
    ['', 'normal'],
    ['High', 'high'],
    [' low ', 'low'],
    ['bulk', 'low'],
    ['interactive', 'high'],
    ['urgent', 'normal'],
    ['constructor', 'normal'],
  ] as const)
    test(`"${header}" is ${expected}`, () => assert.equal(priorityOf(header), expected))

  test('serves each class first at least once in sixteen turns', () => {
    const first = Array.from({ length: 16 }, (_, turn) => orderOfTurn(turn)[0])
    const counts = PRIORITIES.map(priority => first.filter(each => each === priority).length)
    assert.deepEqual(counts, [12, 3, 1])
  })
})

suite('AdmissionQueue', () => {
  test('serves the higher class first, and the lower ones before long', () => {
    const queue = new AdmissionQueue<number>(WIDE)
    queue.add(ticketOf(900, 'low'))
    for (let name = 0; name < 100; name++) queue.add(ticketOf(name, 'high'))
    const order = Array.from({ length: 20 }, () => queue.take()?.request)
    assert.equal(order[0], 0)
    assert.equal(order.indexOf(900), 15)
  })

  test('keeps order, count and bytes over any sequence of operations', () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('add' as const),
        priority: fc.constantFrom(...PRIORITIES),
        bytes: fc.nat(20),
      }),
      fc.record({ kind: fc.constant('take' as const) }),
      fc.record({ kind: fc.constant('remove' as const), which: fc.nat() }),
      fc.record({ kind: fc.constant('expire' as const), sinceMs: fc.nat(80) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), steps => {
        const queue = new AdmissionQueue<number>({ queueSize: 20, queueBytes: 150 })
        let held: Ticket<number>[] = []
        const drop = (ticket: Ticket<number> | undefined): void => {
          if (ticket === undefined) return
          const first = held.find(each => each.priority === ticket.priority)
          assert.equal(first, ticket, 'the oldest of its class goes first')
          held = held.filter(each => each !== ticket)
        }
        for (const [at, each] of steps.entries()) {
          const bytes = held.reduce((sum, ticket) => sum + ticket.bytes, 0)
          if (each.kind === 'add') {
            const ticket = new Ticket(at, each.priority, each.bytes, at)
            const isIn = queue.add(ticket)
            assert.equal(isIn, held.length < 20 && bytes + each.bytes <= 150)
            if (isIn) held.push(ticket)
          } else if (each.kind === 'take') {
            drop(queue.take())
          } else if (each.kind === 'expire') {
            const ticket = queue.takeOlderThan(each.sinceMs)
            assert.equal(ticket === undefined, !held.some(one => one.sinceMs <= each.sinceMs))
            drop(ticket)
          } else {
            const ticket = held[each.which % Math.max(1, held.length)]
            if (ticket === undefined) continue
            assert.ok(queue.remove(ticket))
            assert.ok(!queue.remove(ticket))
            held = held.filter(one => one !== ticket)
          }
          assert.equal(queue.length, held.length)
          assert.equal(
            queue.bytes,
            held.reduce((sum, ticket) => sum + ticket.bytes, 0),
          )
        }
      }),
      { seed: 5, numRuns: 500 },
    )
  })
})
