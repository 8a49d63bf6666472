import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { PrefillLeg } from '../../../../workers/attempt/prefill-leg.ts'

const JSON_BODY = ['content-type', 'application/json']
const RESET = { kind: 'reset', message: 'socket hang up', isStaleSocket: false } as const
const GOOD = '{"text":"a","meta_info":{"prompt_tokens":7,"completion_tokens":1}}'

function listen(limitBytes = 1 << 20): { readonly leg: PrefillLeg; readonly told: string[] } {
  const told: string[] = []
  const leg = new PrefillLeg(limitBytes, {
    onPrefillComplete: ({ promptTokens }) => told.push(`answered ${promptTokens}`),
    onPrefillError: ({ cause, error }) => told.push(`failed: ${cause} ${error.status}`),
    onPrefillErrorHead: () => told.push('refused'),
  })
  return { leg, told }
}

suite('PrefillLeg', () => {
  test('answers when its body is whole', () => {
    const { leg, told } = listen()
    leg.onHead(200, JSON_BODY)
    leg.onData(Buffer.from(GOOD))
    assert.deepEqual(told, [])
    leg.onEnd()
    assert.deepEqual(told, ['answered 7'])
  })

  test('answers when its stream has ended', () => {
    const { leg, told } = listen()
    leg.onHead(200, ['content-type', 'text/event-stream'])
    leg.onData(Buffer.from(`data: ${GOOD}\n\ndata: [DO`))
    leg.onData(Buffer.from('NE]\n\n'))
    leg.onEnd()
    assert.deepEqual(told, ['answered 7'])
  })

  test('fails for an abort inside a 200', () => {
    const { leg, told } = listen()
    leg.onHead(200, JSON_BODY)
    leg.onData(
      Buffer.from('{"meta_info":{"finish_reason":{"type":"abort","message":"Abort in waiting queue"}}}'),
    )
    leg.onEnd()
    assert.deepEqual(told, ['failed: abort 500'])
  })

  test('says that it was refused at the head, and why at the end', () => {
    const { leg, told } = listen()
    leg.onHead(400, JSON_BODY)
    leg.onData(Buffer.from('{"error":{"message":"too long"}}'))
    leg.onEnd()
    assert.deepEqual(told, ['refused', 'failed: status 400'])
    assert.equal(leg.errorResponse().error.message, 'too long')
  })

  test('fails once when its connection breaks', () => {
    const { leg, told } = listen()
    leg.onError(RESET)
    leg.onEnd()
    assert.deepEqual(told, ['failed: transport 502'])
  })

  test('fails once when it sends more than the limit', () => {
    const { leg, told } = listen(8)
    leg.onHead(200, JSON_BODY)
    for (let turn = 0; turn < 3; turn++) leg.onData(Buffer.from('12345'))
    leg.onEnd()
    assert.deepEqual(told, ['failed: protocol 502'])
  })
})
