import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fewestOpen } from '../../../src/dispatch/assign.ts'

test('chooses the thread with the fewest open exchanges, the first of equals', () => {
  const [a, b, c] = [{ openExchanges: 3 }, { openExchanges: 1 }, { openExchanges: 1 }]
  assert.equal(fewestOpen([a, b, c]), b)
  assert.equal(fewestOpen([a]), a)
})

test('chooses nothing when there is no thread', () => {
  assert.equal(fewestOpen([]), undefined)
})
