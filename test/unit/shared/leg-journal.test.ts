import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { createSharedMemory, LEG_RECORDS } from '../../../src/shared/layout.ts'
import { LegJournal, type OpenLegs, takeOrphanedLegs } from '../../../src/shared/leg-journal.ts'

const ridOf = (number: number): string => number.toString(16).padStart(32, '0')
const legsOf = (number: number): OpenLegs => ({
  exchangeId: 4_000_000_000,
  prefillSlot: 3,
  decodeSlot: 7,
  rid: ridOf(number),
})

suite('LegJournal', () => {
  test('reports the open legs of a dead thread', () => {
    const shared = createSharedMemory(8, 2)
    const journal = new LegJournal(shared, 1)
    const first = journal.open(legsOf(1))
    journal.open({ exchangeId: 2, prefillSlot: -1, decodeSlot: 0, rid: ridOf(2) })
    journal.open(legsOf(3))
    journal.close(first)
    journal.open(legsOf(4))
    const orphans = takeOrphanedLegs(shared, 1)
    assert.deepEqual(orphans.map(({ rid }) => rid).toSorted(), [ridOf(2), ridOf(3), ridOf(4)])
    assert.deepEqual(
      orphans.find(({ rid }) => rid === ridOf(4)),
      legsOf(4),
    )
    assert.deepEqual(takeOrphanedLegs(shared, 1), [])
    assert.deepEqual(takeOrphanedLegs(shared, 0), [])
  })

  test('records as many legs as fit, and keeps working when it is full', () => {
    const shared = createSharedMemory(8, 1)
    const journal = new LegJournal(shared, 0)
    const records = Array.from({ length: LEG_RECORDS + 5 }, (_, index) => journal.open(legsOf(index)))
    for (const record of records) journal.close(record)
    for (const number of [1, 2]) journal.open(legsOf(number))
    assert.equal(takeOrphanedLegs(shared, 0).length, 2)
  })

  test('reports exactly the legs that were opened and not closed, for any sequence of events', () => {
    const turn = fc.record({ opens: fc.nat(3), closes: fc.nat(20) })
    fc.assert(
      fc.property(fc.array(turn, { maxLength: 60 }), turns => {
        const shared = createSharedMemory(8, 1)
        const journal = new LegJournal(shared, 0)
        const open = new Map<number, string>()
        let number = 0
        for (const { opens, closes } of turns) {
          for (let opened = 0; opened <= opens; opened++) {
            const legs = legsOf(++number)
            open.set(journal.open(legs), legs.rid)
          }
          const [closing] = [...open.keys()].slice(closes)
          if (closing === undefined) continue
          journal.close(closing)
          open.delete(closing)
        }
        const orphans = takeOrphanedLegs(shared, 0).map(({ rid }) => rid)
        assert.deepEqual(orphans.toSorted(), [...open.values()].toSorted())
      }),
      { seed: 4, numRuns: 200 },
    )
  })
})
