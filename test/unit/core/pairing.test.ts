import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Engine } from '../../../src/core/engine.ts'
import { pairingConflict, unpairedEngines } from '../../../src/core/pairing.ts'
import { engineOf } from '../../support/engines.ts'

const FACTS = { pageSize: 64, kvCacheType: 'auto', transferBackend: 'mooncake', version: '0.5.23' }

const CASES: readonly [string, Partial<Engine>, Partial<Engine>, string | undefined][] = [
  ['engines of which nothing is known', {}, {}, undefined],
  ['engines of the same properties', { pairing: FACTS }, { pairing: FACTS }, undefined],
  ['an engine that reports nothing', { pairing: FACTS, models: ['a'] }, {}, undefined],
  ['engines that share a model', { models: ['a', 'lora'] }, { models: ['a'] }, undefined],
  ['engines of other models', { models: ['a'] }, { models: ['b', 'c'] }, 'different models: a and b, c'],
  [
    'other page sizes',
    { pairing: FACTS },
    { pairing: { ...FACTS, pageSize: 1 } },
    'different page sizes: 64 and 1',
  ],
  [
    'other KV cache types',
    { pairing: FACTS },
    { pairing: { kvCacheType: 'fp8_e5m2' } },
    'different KV cache types: auto and fp8_e5m2',
  ],
  [
    'other transfer backends',
    { pairing: FACTS },
    { pairing: { transferBackend: 'nixl' } },
    'different transfer backends: mooncake and nixl',
  ],
  [
    'other versions',
    { pairing: FACTS },
    { pairing: { version: '0.5.9' } },
    'different versions: 0.5.23 and 0.5.9',
  ],
]

for (const [name, prefill, decode, expected] of CASES) {
  test(`${name} ${expected === undefined ? 'can' : 'cannot'} be a pair`, () => {
    assert.equal(pairingConflict(engineOf(prefill), engineOf(decode)), expected)
  })
}

function prefillWith(slot: number, pageSize: number): Engine {
  return engineOf({ slot, role: 'prefill', pairing: { pageSize } })
}

function decodeWith(slot: number, pageSize: number): Engine {
  return engineOf({ slot, role: 'decode', pairing: { pageSize } })
}

test('an engine is unpaired if it can work with none of the other role', () => {
  assert.deepEqual(unpairedEngines([prefillWith(0, 1)]), [])
  assert.deepEqual(
    unpairedEngines([prefillWith(0, 1), prefillWith(1, 2), decodeWith(2, 2), decodeWith(3, 3)]).map(
      ({ engine, conflict }) => `${engine.slot} ${conflict}`,
    ),
    ['0 different page sizes: 1 and 2', '3 different page sizes: 1 and 3'],
  )
})
