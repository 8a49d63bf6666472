import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inputsOf, isSticky, rolePolicies } from '../../../src/policy/role-policies.ts'

test('decode goes by load where the main policy goes by prompts, unless it has a policy of its own', () => {
  for (const main of ['cache_aware', 'prefix_hash', 'bucket'] as const) {
    assert.deepEqual(rolePolicies({ main }), { prefill: main, decode: 'least_load', mixed: main })
    assert.equal(rolePolicies({ main, decode: main }).decode, main)
  }
  for (const main of ['consistent_hashing', 'manual', 'random', 'power_of_two'] as const)
    assert.equal(rolePolicies({ main }).decode, main)
})

test('only what the policies of the needed roles read is wanted', () => {
  const pd = ['prefill', 'decode'] as const
  assert.deepEqual([...inputsOf({ main: 'cache_aware' }, pd)], ['caches', 'size'])
  assert.deepEqual([...inputsOf({ main: 'prefix_hash', decode: 'manual' }, pd)], ['prefix', 'key'])
  assert.deepEqual([...inputsOf({ main: 'manual', prefill: 'random', decode: 'round_robin' }, pd)], [])
  assert.deepEqual([...inputsOf({ main: 'consistent_hashing', prefill: 'random' }, ['mixed'])], ['key'])
  assert.deepEqual([...inputsOf({ main: 'cache_aware', sticky: true }, pd)], ['caches', 'size', 'key'])
})

test('keys are sticky with every policy that does not go by them itself, if so configured', () => {
  for (const [main, decode] of [
    ['cache_aware', true],
    ['round_robin', true],
    ['consistent_hashing', false],
    ['manual', false],
  ] as const) {
    assert.equal(isSticky({ main, sticky: true }, 'decode'), decode)
    assert.equal(isSticky({ main, sticky: false }, 'decode'), false)
  }
  assert.equal(isSticky({ main: 'manual', prefill: 'least_load', sticky: true }, 'prefill'), true)
})
