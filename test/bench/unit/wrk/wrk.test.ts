import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseWrkOutput } from '../../../../bench/wrk/wrk.ts'

test('the result is parsed from the line of the script, with errors added up by kind', () => {
  const output = 'Running 1s test\nRequests/sec:  1.2k\nRESULT 5000 1000500 1500 9250 2 3 4\n'
  assert.deepEqual(parseWrkOutput(output), {
    requests: 5000,
    durationMs: 1000.5,
    p50Ms: 1.5,
    p99Ms: 9.25,
    statusErrors: 2,
    connectErrors: 3,
    transferErrors: 4,
  })
})

test('output without a result is an error, not a round of zero requests', () => {
  assert.throws(() => parseWrkOutput('unable to connect'), /unable to connect/)
})
