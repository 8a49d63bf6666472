import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { mix } from '../../../src/core/random.ts'
import { sampleIndex } from '../../../src/shared/index-sample.ts'
import { createSharedMemory } from '../../../src/shared/layout.ts'
import { type IndexedBlocks, PrefixIndex } from '../../../src/shared/prefix-index.ts'

const ENGINES = 4

function setUp(bytes: number) {
  const shared = createSharedMemory(ENGINES, 1, undefined, { indexBytes: bytes })
  return { shared, index: new PrefixIndex(shared) }
}

/** Other blocks for each number. */
function blocks(first: number, count: number): IndexedBlocks {
  const numbers = Array.from({ length: count }, (_, block) => first + block)
  return { keys: numbers.map(number => mix(number)), tags: numbers.map(number => mix(~number) | 0) }
}

const ALL = { remembers: () => true }

suite('a sample of the index', () => {
  test('is exact for a small index: the blocks of each engine, as far as it is believed to remember them', () => {
    const { shared, index } = setUp(65_536)
    index.note(blocks(0, 100), 1, 7, 0)
    index.note(blocks(50, 100), 2, 8, 0)
    const { share, held } = sampleIndex(shared, ALL, 0)
    assert.equal(share, 1)
    assert.deepEqual(Array.from(held.slice(0, ENGINES)), [0, 100, 100, 0])
    const newer = { remembers: (_slot: number, age: number) => age > 7 }
    assert.deepEqual(Array.from(sampleIndex(shared, newer, 0).held.slice(0, ENGINES)), [0, 0, 100, 0])
  })

  test('estimates what a large index holds', () => {
    const { shared, index } = setUp(4_194_304)
    for (let first = 0; first < 40_000; first += 100) index.note(blocks(first, 100), 3, 0, 0)
    const { share, held } = sampleIndex(shared, ALL, 0)
    assert.equal(share, 1 / 8)
    assert.ok(Math.abs((held[3] ?? 0) / 40_000 - 1) < 0.1, String(held[3]))
  })

  test('has the time since the next blocks that make room were used, once there is no room', () => {
    const { shared, index } = setUp(128)
    for (let block = 0; block < 3; block++) index.note(blocks(block, 1), 0, 0, 10 * block)
    assert.equal(sampleIndex(shared, ALL, 100).nextIdleSecs, undefined)
    index.note(blocks(3, 1), 0, 0, 30)
    index.note(blocks(0, 1), 0, 0, 40)
    assert.equal(sampleIndex(shared, ALL, 100).nextIdleSecs, 90)
  })
})
