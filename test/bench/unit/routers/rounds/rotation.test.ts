import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inRotation } from '../../../../../bench/routers/rounds/rotation.ts'

test('each round starts with the next target, so that each target runs equally often in each position', () => {
  const rounds = [0, 1, 2, 3].map(round => inRotation(['a', 'b', 'c'], round).join(''))
  assert.deepEqual(rounds, ['abc', 'bca', 'cab', 'abc'])
})

test('a round without targets is empty', () => {
  assert.deepEqual(inRotation([], 3), [])
})
