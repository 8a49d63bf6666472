import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { seededRandom } from '../../../../src/core/random.ts'
import { injectBootstrap } from '../../../../workers/connectors/bootstrap.ts'
import { injectMixed } from '../../../../workers/connectors/mixed.ts'
import { engineOf } from '../../../support/engines.ts'

const PREFILL = engineOf({ role: 'prefill', bootstrapHost: '10.0.0.1', bootstrapPort: 9001 })

suite('injectBootstrap', () => {
  test('names where the two engines meet', () => {
    const injected = injectBootstrap(PREFILL, undefined, seededRandom(1))
    assert.deepEqual([injected.bootstrapHost, injected.bootstrapPort], ['10.0.0.1', 9001])
  })

  test('makes a new rid and room each time, so that no attempt inherits a spent room', () => {
    const random = seededRandom(1)
    const made = Array.from({ length: 100 }, () => injectBootstrap(PREFILL, undefined, random))
    assert.equal(new Set(made.map(each => each.rid)).size, 100)
    assert.equal(new Set(made.map(each => each.bootstrapRoom)).size, 100)
  })

  test('gives each prompt of a batch its own rid and room', () => {
    const { rid, bootstrapHost, bootstrapPort, bootstrapRoom } = injectBootstrap(PREFILL, 3, seededRandom(1))
    assert.ok(Array.isArray(rid) && Array.isArray(bootstrapRoom))
    assert.deepEqual([new Set(rid).size, new Set(bootstrapRoom).size], [3, 3])
    assert.deepEqual(bootstrapHost, ['10.0.0.1', '10.0.0.1', '10.0.0.1'])
    assert.deepEqual(bootstrapPort, [9001, 9001, 9001])
  })

  test('keeps a batch of one a batch', () => {
    const { rid, bootstrapRoom } = injectBootstrap(PREFILL, 1, seededRandom(1))
    assert.ok(Array.isArray(rid) && rid.length === 1)
    assert.ok(Array.isArray(bootstrapRoom) && bootstrapRoom.length === 1)
  })
})

suite('injectMixed', () => {
  test('gives a rid and nothing to meet at', () => {
    assert.deepEqual(Object.keys(injectMixed(undefined)), ['rid'])
  })

  test('gives one rid a prompt', () => {
    const { rid } = injectMixed(3)
    assert.ok(Array.isArray(rid) && new Set(rid).size === 3)
  })
})
