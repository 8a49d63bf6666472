import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseWrkOutput } from '../../../../../bench/routers/loads/wrk.ts'
import { bodyOf, roundSeconds, WRK_SHAPES } from '../../../../../bench/routers/loads/wrk-loads.ts'

test('the result is parsed from the line of the script, with errors added up by kind', () => {
  const output = 'Running 1s test\nRequests/sec:  1.2k\nRESULT 5000 1000500 1500 9250 2 3\n'
  assert.deepEqual(parseWrkOutput(output), {
    requests: 5000,
    durationMs: 1000.5,
    p50Ms: 1.5,
    p99Ms: 9.25,
    statusErrors: 2,
    socketErrors: 3,
  })
})

test('output without a result is an error, not a round of zero requests', () => {
  assert.throws(() => parseWrkOutput('unable to connect'), /unable to connect/)
})

for (const shape of Object.values(WRK_SHAPES)) {
  test(`the body of ${shape.name} has its exact size and no character that ends a Lua string`, () => {
    assert.equal(Buffer.byteLength(bodyOf(shape)), shape.bodyBytes)
    assert.doesNotMatch(bodyOf(shape), /['\\\n]/)
  })
}

test('a round is long enough for several whole streams', () => {
  const stream = { name: 'slow', bodyBytes: 512, connections: 1, chunkIntervalMs: 20 }
  assert.equal(roundSeconds(stream, 1), 9)
  assert.equal(roundSeconds(stream, 12), 12)
})
