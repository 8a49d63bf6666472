import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import { type SlowReader, SlowReaders } from '../../../../src/frontend/exchanges/slow-readers.ts'

function readersOf(t: TestContext, limitBytes: number) {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const clock = { nowMs: 0 }
  const cut: SlowReader[] = []
  const readers: SlowReaders<SlowReader> = new SlowReaders({
    stallMs: 1000,
    limitBytes,
    bytesPerStream: 10,
    cut: reader => {
      cut.push(reader)
      readers.forget(reader)
    },
    nowMs: () => clock.nowMs,
  })
  t.after(() => readers.close())
  const pass = (ms: number): void => {
    clock.nowMs += ms
    t.mock.timers.tick(ms)
  }
  return { readers, cut, pass }
}

suite('Clients that read slowly', () => {
  test('are cut off when they read nothing for the time of a stall', t => {
    const { readers, cut, pass } = readersOf(t, 1000)
    const [idle, slow] = [{ heldBytes: 50 }, { heldBytes: 50 }]
    readers.watch(idle)
    readers.watch(slow)
    pass(700)
    readers.watch(slow)
    pass(600)
    assert.deepEqual(cut, [idle])
    assert.equal(readers.heldBytes, 50)
  })

  test('are cut off beyond the limit of bytes, the one without progress for longest first', t => {
    const { readers, cut } = readersOf(t, 100)
    const [a, b, c] = [{ heldBytes: 40 }, { heldBytes: 40 }, { heldBytes: 90 }]
    readers.watch(a)
    readers.watch(b)
    readers.watch(a)
    assert.deepEqual(cut, [])
    readers.watch(c)
    assert.deepEqual(cut, [b, a])
    assert.equal(readers.heldBytes, 90)
  })

  test('count at least with what a stream may come to hold, and not at all once they have read everything', t => {
    const { readers, cut } = readersOf(t, 25)
    const streams = [{ heldBytes: 1 }, { heldBytes: 1 }, { heldBytes: 1 }]
    for (const stream of streams.slice(0, 2)) readers.watch(stream)
    assert.equal(readers.heldBytes, 20)
    for (const stream of streams.slice(0, 1)) readers.forget(stream)
    for (const stream of streams.slice(2)) readers.watch(stream)
    assert.deepEqual(cut, [])
    assert.equal(readers.heldBytes, 20)
  })

  test('are not cut off for a response that alone exceeds the limit', t => {
    const { readers, cut } = readersOf(t, 10)
    readers.watch({ heldBytes: 1000 })
    assert.deepEqual(cut, [])
  })
})
