import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { seededRandom } from '../../../../src/core/random.ts'
import { injectBootstrap } from '../../../../workers/connectors/bootstrap.ts'
import { injectMixed } from '../../../../workers/connectors/mixed.ts'
import { engineOf } from '../../../support/engines.ts'

const PREFILL = engineOf({ role: 'prefill', bootstrapHost: '10.0.0.1', bootstrapPort: 9001 })

suite('injectBootstrap', () => {
  test('injects the address of prefill’s bootstrap server', () => {
    const injected = injectBootstrap(PREFILL, undefined, seededRandom(1))
    assert.deepEqual([injected.bootstrapHost, injected.bootstrapPort], ['10.0.0.1', 9001])
  })

  test('generates a new rid and room each time, so that no attempt reuses a room', () => {
    const random = seededRandom(1)
    const injections = Array.from({ length: 100 }, () => injectBootstrap(PREFILL, undefined, random))
    assert.equal(new Set(injections.map(injection => injection.rid)).size, 100)
    assert.equal(new Set(injections.map(injection => injection.bootstrapRoom)).size, 100)
  })

  test('gives each prompt of a batch its own rid and room', () => {
    const { rid, bootstrapHost, bootstrapPort, bootstrapRoom } = injectBootstrap(PREFILL, 3, seededRandom(1))
    assert.ok(Array.isArray(rid) && Array.isArray(bootstrapRoom))
    assert.deepEqual([new Set(rid).size, new Set(bootstrapRoom).size], [3, 3])
    assert.deepEqual(bootstrapHost, ['10.0.0.1', '10.0.0.1', '10.0.0.1'])
    assert.deepEqual(bootstrapPort, [9001, 9001, 9001])
  })

  test('treats a batch of one as a batch', () => {
    const { rid, bootstrapRoom } = injectBootstrap(PREFILL, 1, seededRandom(1))
    assert.ok(Array.isArray(rid) && rid.length === 1)
    assert.ok(Array.isArray(bootstrapRoom) && bootstrapRoom.length === 1)
  })
})

suite('injectMixed', () => {
  test('injects only a rid', () => {
    assert.deepEqual(Object.keys(injectMixed(undefined)), ['rid'])
  })

  test('generates one rid per prompt', () => {
    const { rid } = injectMixed(3)
    assert.ok(Array.isArray(rid) && new Set(rid).size === 3)
  })
})
