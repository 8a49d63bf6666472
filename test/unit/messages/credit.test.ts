import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { CreditBalance, CreditGrants } from '../../../src/messages/credit.ts'

test('grants credit in steps of half a window', () => {
  const grants = new CreditGrants(100)
  assert.equal(grants.take(49), 0)
  assert.equal(grants.take(1), 50)
  assert.equal(grants.take(120), 120)
  assert.equal(grants.take(0), 0)
})

test('never leaves a sender without credit for good, and never lets more than a window and one chunk be in transit', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 200 })
  fc.assert(
    fc.property(sizes, fc.integer({ min: 1, max: 500 }), (chunks, windowBytes) => {
      const grants = new CreditGrants(windowBytes)
      const balance = new CreditBalance(windowBytes)
      for (const size of chunks) {
        assert.ok(!balance.isSpent)
        balance.spend(size)
        assert.ok(balance.leftBytes > -size)
        balance.grant(grants.take(size))
      }
    }),
    { seed: 7 },
  )
})
