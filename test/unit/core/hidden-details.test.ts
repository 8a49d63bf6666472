import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { errorBody, GatewayError, withoutHiddenDetails } from '../../../src/core/errors.ts'

const RID = '0123456789abcdef0123456789abcdef'

suite('withoutHiddenDetails', () => {
  const cases: readonly [message: string, expected: string][] = [
    [
      `1 validation error: {'model': 'm', 'rid': '${RID}', 'bootstrap_host': '10.0.0.1', 'bootstrap_port': 8998, 'bootstrap_room': 7391}`,
      "1 validation error: {'model': 'm', 'rid': …, 'bootstrap_host': …, 'bootstrap_port': …, 'bootstrap_room': …}",
    ],
    [
      `input {"text":"a","bootstrap_host":"fe80::1","bootstrap_room":7}`,
      'input {"text":"a","bootstrap_host":…,"bootstrap_room":…}',
    ],
    ["input_value={'model': 'm', 'b...trap_room': 7391}", "input_value={'model': 'm', 'b...trap_room': …}"],
    ["'bootstrap_host': '10.0.", "'bootstrap_host': …"],
    [
      `Invalid request: req.rid='${RID}' req.bootstrap_room=42 with KVTransferError(bootstrap_room=42): why`,
      'Invalid request: req.rid=… req.bootstrap_room=… with KVTransferError(bootstrap_room=…): why',
    ],
    ['Lost connection (bootstrap_addr: 10.0.0.1:8998)', 'Lost connection (bootstrap_addr: …)'],
    ['The field temperature must be below 2', 'The field temperature must be below 2'],
    ["Duplicate request: rid 'mine'", "Duplicate request: rid 'mine'"],
    [
      'Metadata corruption detected - bootstrap_room mismatch',
      'Metadata corruption detected - bootstrap_room mismatch',
    ],
  ]
  for (const [message, expected] of cases)
    test(message.slice(0, 60), () => assert.equal(withoutHiddenDetails(message), expected))

  test('is applied to what an engine reports, and to nothing else', () => {
    const message = 'bootstrap_host=10.0.0.1'
    const error = new GatewayError('engine-error', message, { status: 400 })
    assert.match(errorBody(error), /"message":"bootstrap_host=…"/)
    assert.equal(error.message, message)
    assert.match(errorBody(new GatewayError('invalid-request', message)), /10\.0\.0\.1/)
  })
})
