import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { seededRandom } from '../../../../src/core/random.ts'
import { injectBootstrap } from '../../../../workers/connectors/bootstrap.ts'
import { injectMixed } from '../../../../workers/connectors/mixed.ts'
import { engineOf } from '../../../support/engines.ts'

const PREFILL = engineOf({ role: 'prefill', bootstrapHost: '10.0.0.1', bootstrapPort: 9001 })

suite('injectBootstrap', () => {
  test('injects the address of prefill’s bootstrap server', () => {
    const injected = injectBootstrap(PREFILL, seededRandom(1))
    assert.deepEqual([injected.bootstrapHost, injected.bootstrapPort], ['10.0.0.1', 9001])
  })

  test('generates a new rid and room each time, so that no attempt reuses a room', () => {
    const random = seededRandom(1)
    const injections = Array.from({ length: 100 }, () => injectBootstrap(PREFILL, random))
    assert.equal(new Set(injections.map(injection => injection.rid)).size, 100)
    assert.equal(new Set(injections.map(injection => injection.bootstrapRoom)).size, 100)
  })
})

suite('injectMixed', () => {
  test('injects only a rid', () => {
    assert.deepEqual(Object.keys(injectMixed()), ['rid'])
  })
})
