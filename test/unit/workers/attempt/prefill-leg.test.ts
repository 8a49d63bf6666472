import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { PrefillLeg } from '../../../../workers/attempt/prefill-leg.ts'
import { DONE_DIALECT } from '../../../../workers/dialects/done-dialect.ts'
import { SMALL_BODIES } from '../../../support/small-bodies.ts'

const JSON_BODY = ['content-type', 'application/json']
const RESET = { kind: 'reset', message: 'socket hang up', isStaleSocket: false } as const
const GOOD = '{"text":"a","meta_info":{"prompt_tokens":7,"completion_tokens":1}}'

function openLeg(limitBytes = 1 << 20): { readonly leg: PrefillLeg; readonly calls: string[] } {
  const calls: string[] = []
  const leg = new PrefillLeg(
    limitBytes,
    {
      onPrefillComplete: ({ promptTokens }) => calls.push(`complete ${promptTokens}`),
      onPrefillError: ({ cause, error }) => calls.push(`failed: ${cause} ${error.status}`),
      onErrorHead: () => calls.push('error head'),
    },
    { bodies: SMALL_BODIES, dialect: DONE_DIALECT },
  )
  return { leg, calls }
}

suite('PrefillLeg', () => {
  test('is complete when its body is', () => {
    const { leg, calls } = openLeg()
    leg.onHead(200, JSON_BODY)
    leg.onData(Buffer.from(GOOD))
    assert.deepEqual(calls, [])
    leg.onEnd()
    assert.deepEqual(calls, ['complete 7'])
  })

  test('is complete when its stream has ended', () => {
    const { leg, calls } = openLeg()
    leg.onHead(200, ['content-type', 'text/event-stream'])
    leg.onData(Buffer.from(`data: ${GOOD}\n\ndata: [DO`))
    leg.onData(Buffer.from('NE]\n\n'))
    leg.onEnd()
    assert.deepEqual(calls, ['complete 7'])
  })

  test('fails for an abort inside a 200', () => {
    const { leg, calls } = openLeg()
    leg.onHead(200, JSON_BODY)
    leg.onData(
      Buffer.from('{"meta_info":{"finish_reason":{"type":"abort","message":"Abort in waiting queue"}}}'),
    )
    leg.onEnd()
    assert.deepEqual(calls, ['failed: abort 500'])
  })

  test('reports an error status at the head, and its reason at the end', () => {
    const { leg, calls } = openLeg()
    leg.onHead(400, JSON_BODY)
    leg.onData(Buffer.from('{"error":{"message":"too long"}}'))
    leg.onEnd()
    assert.deepEqual(calls, ['error head', 'failed: status 400'])
    assert.equal(leg.errorResponse().error.message, 'too long')
  })

  test('fails once when its connection breaks', () => {
    const { leg, calls } = openLeg()
    leg.onError(RESET)
    leg.onEnd()
    assert.deepEqual(calls, ['failed: transport 502'])
  })

  test('fails once when it sends more than the limit', () => {
    const { leg, calls } = openLeg(8)
    leg.onHead(200, JSON_BODY)
    for (let part = 0; part < 3; part++) leg.onData(Buffer.from('12345'))
    leg.onEnd()
    assert.deepEqual(calls, ['failed: protocol 502'])
  })
})
