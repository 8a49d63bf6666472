import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { newRid, newRoom } from '../../../../workers/connectors/ids.ts'

suite('newRid', () => {
  test('is 32 hexadecimal digits, so that no rid is a prefix of another', () => {
    for (let turn = 0; turn < 1000; turn++) assert.match(newRid(), /^[0-9a-f]{32}$/)
  })

  test('never returns a rid twice, even across refills of its pool', () => {
    const rids = new Set(Array.from({ length: 20_000 }, newRid))
    assert.equal(rids.size, 20_000)
  })
})

suite('newRoom', () => {
  test('is exact as a JSON number and never 0', () => {
    const randomNumber = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
    fc.assert(
      fc.property(randomNumber, value => {
        const room = newRoom(() => value)
        assert.ok(Number.isSafeInteger(room) && room >= 1)
        assert.equal(JSON.parse(JSON.stringify(room)), room)
      }),
      { seed: 1, numRuns: 2000 },
    )
  })

  const bounds: readonly [value: number, min: number, max: number][] = [
    [0, 1, 1],
    [2 ** -53, 1, 2],
    [1 - 2 ** -53, 2 ** 53 - 4, 2 ** 53 - 1],
  ]
  for (const [value, min, max] of bounds) {
    test(`is from ${min} to ${max} for a random number of ${value}`, () => {
      const room = newRoom(() => value)
      assert.ok(room >= min && room <= max, `${room}`)
    })
  }
})
