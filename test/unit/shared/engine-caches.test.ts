import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { EngineCaches } from '../../../src/shared/engine-caches.ts'
import { createSharedMemory } from '../../../src/shared/layout.ts'

const MIB = 1_048_576

function setUp(): { caches: EngineCaches; other: EngineCaches } {
  const memory = createSharedMemory(4, 2)
  return { caches: new EngineCaches(memory), other: new EngineCaches(memory) }
}

suite('the caches of engines', () => {
  test('are as old as what the engine has computed, on all threads', () => {
    const { caches, other } = setUp()
    caches.computed(1, 10_000, 0)
    const age = caches.age(1)
    other.computed(1, 50_000, 0)
    assert.equal(caches.bytesSince(1, age), 45_056)
    assert.equal(caches.bytesSince(0, caches.age(0)), 0)
  })

  test('differ in age beyond the point where ages begin again', () => {
    const { caches } = setUp()
    let age = 0
    for (let turn = 0; turn < 5000; turn++) {
      caches.computed(2, MIB, 0)
      if (turn > 0) assert.equal(caches.bytesSince(2, age), MIB - 4096)
      age = caches.age(2)
    }
  })

  test('remember no more than they have room for', () => {
    const { caches } = setUp()
    const age = caches.age(0)
    caches.write(0, { window: 0, capacity: 3 * MIB, longestHit: 0 })
    for (let turn = 1; turn <= 3; turn++) {
      caches.computed(0, MIB, 0)
      assert.ok(caches.remembers(0, age), `after ${turn} MiB`)
    }
    caches.computed(0, 8192, 0)
    assert.ok(!caches.remembers(0, age))
  })

  test('remember only what came after they were lost', () => {
    const { caches } = setUp()
    caches.computed(0, MIB, 0)
    const before = caches.age(0)
    caches.computed(0, MIB, 0)
    caches.forget(0)
    const after = caches.age(0)
    caches.computed(0, MIB, 0)
    assert.ok(!caches.remembers(0, before))
    assert.ok(caches.remembers(0, after))
  })

  test('remember nothing of what came just before they were lost', () => {
    const { caches } = setUp()
    caches.computed(0, MIB, 0)
    const before = caches.age(0)
    caches.forget(0)
    assert.ok(!caches.remembers(0, before))
    for (const bytes of [1, 4095, 4096, 12_288]) {
      caches.computed(0, bytes, 0)
      assert.ok(!caches.remembers(0, before), `${bytes} bytes later`)
    }
  })

  test('name cached tokens once they have, until the engine is another one', () => {
    const { caches, other } = setUp()
    assert.equal(caches.namesCached(1), false)
    caches.noteNamesCached(1)
    caches.forgetOne(1)
    assert.deepEqual([other.namesCached(1), other.namesCached(0)], [true, false])
    caches.forget(1)
    assert.equal(other.namesCached(1), false)
  })

  test('keep what was learned of them, and nothing of the engine before', () => {
    const { caches, other } = setUp()
    caches.write(3, { window: 5, capacity: 7, longestHit: 6 })
    assert.deepEqual(other.read(3), { window: 5, capacity: 7, longestHit: 6 })
    caches.forget(3)
    assert.deepEqual(other.read(3), { window: 0, capacity: 192 * MIB, longestHit: 0 })
    assert.deepEqual(other.read(2), { window: 0, capacity: 192 * MIB, longestHit: 0 })
  })

  test('count what was computed lately, half of it 20 s later', () => {
    const { caches } = setUp()
    caches.computed(1, 8000, 100)
    assert.equal(caches.recent(1, 100), 8000)
    assert.equal(caches.recent(1, 120), 4000)
    caches.computed(1, 1000, 120)
    assert.equal(caches.recent(1, 140), 2500)
    assert.equal(caches.recent(0, 140), 0)
  })

  test('have the work of all threads, but not that of a thread that has died', () => {
    const { caches } = setUp()
    caches.addWork(0, 2, 700)
    caches.addWork(1, 2, 50)
    caches.addWork(1, 2, -20)
    assert.equal(caches.work(2), 730)
    caches.clearThread(0)
    assert.equal(caches.work(2), 30)
  })

  test('have a latest correction, until the engine is another one', () => {
    const { caches, other } = setUp()
    assert.equal(caches.latestCorrection(1, 100), undefined)
    caches.noteCorrection(1, 'evicted', 100)
    caches.noteCorrection(1, 'lost', 105)
    assert.deepEqual(other.latestCorrection(1, 107), { kind: 'lost', secsAgo: 2 })
    assert.equal(other.latestCorrection(2, 107), undefined)
    caches.forget(1)
    assert.equal(other.latestCorrection(1, 107), undefined)
  })

  test('have computed as much as was added, and begin again after 4 GiB', () => {
    const { caches } = setUp()
    for (let gib = 0; gib < 3; gib++) caches.computed(0, 1024 * MIB, 0)
    assert.equal(caches.computedBytes(0), 3 * 1024 * MIB)
    caches.computed(0, 1024 * MIB, 0)
    assert.equal(caches.computedBytes(0), 0)
  })
})
