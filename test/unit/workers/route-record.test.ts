import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { RouteRecord } from '../../../workers/route-record.ts'
import { engineOf } from '../../support/engines.ts'

const PREFILL = engineOf({ slot: 0, role: 'prefill' })
const DECODE = engineOf({ slot: 1 })

function routeOf(record: RouteRecord): string | undefined {
  const headers = record.headers()
  return headers[headers.indexOf('x-pdgw-route') + 1]
}

suite('the header x-pdgw-route', () => {
  test('has the reason of each choice and the expected cached share, and no address', () => {
    const record = new RouteRecord(false)
    record.attemptStarted(
      { prefill: PREFILL, decode: DECODE, prefillReason: 'cached', decodeReason: 'load' },
      0.8765,
    )
    assert.equal(routeOf(record), 'prefill;reason=cached;cached=0.88, decode;reason=load')
  })

  test('has the rank of the attempt on engines whose ranks are counted', () => {
    const record = new RouteRecord(false)
    const ranked = { ...PREFILL, rank: { number: 3, target: 12 } }
    record.attemptStarted({ prefill: ranked, decode: DECODE, prefillReason: 'cached' }, 0.5)
    assert.equal(routeOf(record), 'prefill;rank=3;reason=cached;cached=0.50, decode')
    record.attemptStarted({ prefill: undefined, decode: ranked, decodeReason: 'load' }, undefined)
    assert.equal(routeOf(record), 'mixed;rank=3;reason=load')
  })

  test('has no share where none can be expected', () => {
    const record = new RouteRecord(false)
    record.attemptStarted({ prefill: undefined, decode: DECODE, decodeReason: 'turn' }, undefined)
    assert.equal(routeOf(record), 'mixed;reason=turn')
  })

  test('is that of the last attempt', () => {
    const record = new RouteRecord(true)
    record.attemptStarted({ prefill: undefined, decode: DECODE, decodeReason: 'cached' }, 1)
    record.attemptStarted({ prefill: undefined, decode: PREFILL, decodeReason: 'only' }, 0)
    assert.equal(routeOf(record), 'mixed;reason=only;cached=0.00')
  })
})
