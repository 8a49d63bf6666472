import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isShortOfMemory, MemoryGuard } from '../../../../src/frontend/admission/memory-guard.ts'

for (const [wasShort, usedBytes, expected] of [
  [false, 100, false],
  [false, 101, true],
  [true, 100, true],
  [true, 96, true],
  [true, 95, false],
] as const)
  test(`with ${usedBytes} of 100 bytes, memory is ${expected ? 'short' : 'sufficient'} if it was ${wasShort ? 'short' : 'sufficient'} before`, () => {
    assert.equal(isShortOfMemory(wasShort, usedBytes, 100), expected)
  })

test('polls the resident memory of the process', t => {
  const [tight, wide] = [new MemoryGuard(1, () => undefined), new MemoryGuard(0, () => undefined)]
  t.after(() => [tight, wide].forEach(guard => guard.close()))
  for (const guard of [tight, wide]) guard.poll()
  assert.deepEqual([tight.isShort, wide.isShort], [true, false])
})

test('reclaims memory when it becomes short, and every ten polls while it stays short', t => {
  let calls = 0
  const guard = new MemoryGuard(1, () => calls++)
  t.after(() => guard.close())
  const seen = Array.from({ length: 12 }, () => {
    guard.poll()
    return calls
  })
  assert.deepEqual(seen, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2])
})
