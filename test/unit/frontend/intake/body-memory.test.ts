import assert from 'node:assert/strict'
import test from 'node:test'
import { bodyMemory, copyInto, keepBody } from '../../../../src/frontend/intake/body-memory.ts'

const SMALL = 100
const LARGE = 32 * 1024

for (const bytes of [0, SMALL, LARGE]) {
  test(`keeps ${bytes} bytes unchanged when the original buffer is overwritten`, () => {
    const lent = Buffer.alloc(bytes, 'body')
    const kept = keepBody(lent)
    lent.fill(0)
    assert.deepEqual(kept, Buffer.alloc(bytes, 'body'))
  })
}

test('copies pieces of any length to their offset in shared memory', () => {
  const memory = bodyMemory(LARGE)
  assert.ok(memory.buffer instanceof SharedArrayBuffer)
  const text = Buffer.from(Array.from({ length: LARGE }, (_, at) => at % 251))
  let at = 0
  for (const bytes of [1, 0, 7, 10_001, LARGE - 10_009]) {
    copyInto(memory, at, text.subarray(at, at + bytes))
    at += bytes
  }
  assert.deepEqual(memory, text)
  assert.throws(() => copyInto(memory, LARGE - 1, text.subarray(0, 2)), RangeError)
})
