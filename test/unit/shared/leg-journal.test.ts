import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { createSharedMemory, LEG_RECORDS } from '../../../src/shared/layout.ts'
import { LegJournal, takeOrphanedLegs } from '../../../src/shared/leg-journal.ts'

const LEGS = { exchangeId: 4_000_000_000, prefillSlot: 3, decodeSlot: 7 }
const ridOf = (number: number): string => number.toString(16).padStart(32, '0')

suite('LegJournal', () => {
  test('reports the open legs of a dead thread, each rid of a batch separately', () => {
    const shared = createSharedMemory(8, 2)
    const journal = new LegJournal(shared, 1)
    const first = journal.open(LEGS, [ridOf(1)])
    journal.open({ exchangeId: 2, prefillSlot: -1, decodeSlot: 0 }, [ridOf(2), ridOf(3)])
    journal.close(first)
    journal.open(LEGS, [ridOf(4)])
    const orphans = takeOrphanedLegs(shared, 1)
    assert.deepEqual(orphans.map(({ rid }) => rid).toSorted(), [ridOf(2), ridOf(3), ridOf(4)])
    assert.deepEqual(
      orphans.find(({ rid }) => rid === ridOf(4)),
      { ...LEGS, rid: ridOf(4) },
    )
    assert.deepEqual(takeOrphanedLegs(shared, 1), [])
    assert.deepEqual(takeOrphanedLegs(shared, 0), [])
  })

  test('records as many legs as fit, and keeps working when it is full', () => {
    const shared = createSharedMemory(8, 1)
    const journal = new LegJournal(shared, 0)
    const records = Array.from({ length: LEG_RECORDS + 5 }, (_, index) => journal.open(LEGS, [ridOf(index)]))
    for (const record of records) journal.close(record)
    journal.open(LEGS, [ridOf(1), ridOf(2)])
    assert.equal(takeOrphanedLegs(shared, 0).length, 2)
  })

  test('reports exactly the legs that were opened and not closed, for any sequence of events', () => {
    const turn = fc.record({ rids: fc.nat(3), closes: fc.nat(20) })
    fc.assert(
      fc.property(fc.array(turn, { maxLength: 60 }), turns => {
        const shared = createSharedMemory(8, 1)
        const journal = new LegJournal(shared, 0)
        const open = new Map<number, readonly string[]>()
        let number = 0
        for (const { rids, closes } of turns) {
          const names = Array.from({ length: rids + 1 }, () => ridOf(++number))
          open.set(journal.open(LEGS, names), names)
          const [closing] = [...open.keys()].slice(closes)
          if (closing === undefined) continue
          journal.close(closing)
          open.delete(closing)
        }
        const orphans = takeOrphanedLegs(shared, 0).map(({ rid }) => rid)
        assert.deepEqual(orphans.toSorted(), [...open.values()].flat().toSorted())
      }),
      { seed: 4, numRuns: 200 },
    )
  })
})
