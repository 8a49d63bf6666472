import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bodyOf, roundSeconds, WRK_SHAPES } from '../../../../../bench/routers/loads/wrk-loads.ts'

for (const shape of Object.values(WRK_SHAPES)) {
  test(`the body of ${shape.name} has its exact size and nothing that ends a Lua string`, () => {
    assert.equal(Buffer.byteLength(bodyOf(shape)), shape.bodyBytes)
    assert.doesNotMatch(bodyOf(shape), /\]\]|\n/)
  })
}

test('a round is long enough for several whole streams', () => {
  const stream = { name: 'slow', bodyBytes: 512, connections: 1, chunkIntervalMs: 20 }
  assert.equal(roundSeconds(stream, 1), 9)
  assert.equal(roundSeconds(stream, 12), 12)
})
