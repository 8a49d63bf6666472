import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { abortRids, newRid, newRids, newRoom } from '../../../../workers/request/ids.ts'

suite('newRid', () => {
  test('is 32 hexadecimal digits, so that none is the start of another', () => {
    for (let turn = 0; turn < 1000; turn++) assert.match(newRid(), /^[0-9a-f]{32}$/)
  })

  test('never gives the same twice, also past the end of its pool', () => {
    const rids = new Set(Array.from({ length: 20_000 }, newRid))
    assert.equal(rids.size, 20_000)
  })
})

suite('newRids', () => {
  test('makes the first the start of all others, and none of those the start of another', () => {
    const [first = '', ...others] = newRids(1200)
    assert.match(first, /^[0-9a-f]{32}$/)
    assert.equal(new Set(others).size, 1199)
    assert.equal(new Set(others.map(rid => rid.length)).size, 1)
    for (const rid of others) assert.ok(rid.startsWith(first))
    assert.deepEqual(abortRids([first, ...others]), [first])
  })

  test('makes a batch of one as it makes a single one', () => {
    const rids = newRids(1)
    assert.equal(rids.length, 1)
    assert.equal(abortRids(rids), rids)
  })
})

suite('newRoom', () => {
  test('is exact as a JSON number and never 0, whatever chance says', () => {
    const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
    fc.assert(
      fc.property(chance, luck => {
        const room = newRoom(() => luck)
        assert.ok(Number.isSafeInteger(room) && room >= 1)
        assert.equal(JSON.parse(JSON.stringify(room)), room)
      }),
      { seed: 1, numRuns: 2000 },
    )
  })

  const bounds: readonly [luck: number, least: number, most: number][] = [
    [0, 1, 1],
    [2 ** -53, 1, 2],
    [1 - 2 ** -53, 2 ** 53 - 4, 2 ** 53 - 1],
  ]
  for (const [luck, least, most] of bounds) {
    test(`lies from ${least} to ${most} for a chance of ${luck}`, () => {
      const room = newRoom(() => luck)
      assert.ok(room >= least && room <= most, `${room}`)
    })
  }
})
