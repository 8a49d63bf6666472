import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { clientDeadlineMs } from '../../../../src/frontend/intake/client-deadline.ts'

suite('The deadline of a client', () => {
  for (const [headers, deadlineMs] of [
    [[], undefined],
    [['x-idle-timeout-ms', '5'], undefined],
    [['x-request-timeout-secs', '1.5'], 1500],
    [['x-request-timeout-secs', '0'], undefined],
    [['x-request-timeout-secs', 'soon'], undefined],
    [['x-request-timeout-secs', ''], undefined],
    // The router thread rejects these, too.
    [['x-request-timeout-secs', '0x10'], undefined],
    [['x-request-timeout-secs', '1e-3'], undefined],
    [['x-request-timeout-secs', '999999999'], 2 ** 31 - 1],
  ] as const)
    test(`with headers ${JSON.stringify(headers)} is ${deadlineMs}`, () => {
      assert.equal(clientDeadlineMs(headers), deadlineMs)
    })
})
