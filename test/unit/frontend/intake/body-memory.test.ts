import assert from 'node:assert/strict'
import test from 'node:test'
import { bodyMemory, copyInto, keepBody, sharedMemory } from '../../../../src/frontend/intake/body-memory.ts'

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
  const text = Buffer.from(Array.from({ length: LARGE }, (_, offset) => offset % 251))
  let offset = 0
  for (const bytes of [1, 0, 7, 10_001, LARGE - 10_009]) {
    copyInto(memory, offset, text.subarray(offset, offset + bytes))
    offset += bytes
  }
  assert.deepEqual(memory, text)
  assert.throws(() => copyInto(memory, LARGE - 1, text.subarray(0, 2)), RangeError)
})

test('gives a large body a mapping of its own, of which only what is written is resident', () => {
  const before = process.memoryUsage.rss()
  const bodies = Array.from({ length: 20 }, () => bodyMemory(16 * 1024 * 1024))
  assert.ok(process.memoryUsage.rss() - before < 64 * 1024 * 1024)
  assert.ok(
    bodies.every(({ length, buffer }) => length === 16 * 1024 * 1024 && buffer.byteLength > 32 * 1024 * 1024),
  )
})

test('gives a large body only what it needs where the kernel refuses a mapping of its own', () => {
  const tried: number[] = []
  const memory = sharedMemory(300_000, bytes => {
    tried.push(bytes)
    if (bytes > 1_000_000) throw new RangeError('Array buffer allocation failed')
    return new SharedArrayBuffer(bytes)
  })
  assert.equal(memory.byteLength, 300_000)
  assert.equal(tried.length, 2)
})
