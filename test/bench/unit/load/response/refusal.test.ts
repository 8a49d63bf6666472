import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refusalFault } from '../../../../../bench/load/response/refusal.ts'

const HEADERS = { 'retry-after': '1', 'content-type': 'application/json' }
const ERROR = { message: 'full', type: 'overloaded', code: 'queue-full' }

function faultOf(headers: Record<string, string>, body: unknown): string | undefined {
  return refusalFault(new Map(Object.entries(headers)), JSON.stringify(body))
}

test('a refusal that a client can act on is well-formed', () => {
  assert.equal(faultOf(HEADERS, { error: ERROR }), undefined)
})

const CASES: Record<string, readonly [Record<string, string>, unknown]> = {
  'no retry-after': [{ 'content-type': 'application/json' }, { error: ERROR }],
  'retry-after is not a number of seconds: soon': [{ ...HEADERS, 'retry-after': 'soon' }, { error: ERROR }],
  'content-type is not JSON': [{ 'retry-after': '1' }, { error: ERROR }],
  'no error.message': [HEADERS, { detail: 'full' }],
  'no error.type': [HEADERS, { error: { message: 'full', code: 1 } }],
  'no error.code': [HEADERS, { error: { message: 'full', type: 'x' } }],
}

for (const [fault, [headers, body]] of Object.entries(CASES)) {
  test(`a malformed refusal is reported: ${fault}`, () => assert.equal(faultOf(headers, body), fault))
}
