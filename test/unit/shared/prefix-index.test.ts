import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { mix } from '../../../src/core/random.ts'
import { createSharedMemory } from '../../../src/shared/layout.ts'
import { type IndexedBlocks, PrefixHolders, PrefixIndex } from '../../../src/shared/prefix-index.ts'

const ENGINES = 16

function indexOf(bytes: number): PrefixIndex {
  return new PrefixIndex(createSharedMemory(ENGINES, 1, undefined, { indexBytes: bytes }))
}

/** The blocks of a prompt with this name; prompts with one name begin alike. */
function blocks(name: number, count: number): IndexedBlocks {
  const numbers = Array.from({ length: count }, (_, block) => name * 1000 + block)
  return { keys: numbers.map(number => mix(number)), tags: numbers.map(number => mix(~number) | 0) }
}

function heldOf(
  index: PrefixIndex,
  sought: IndexedBlocks,
  isFresh = (_slot: number, _age: number) => true,
): number[] {
  const holders = new PrefixHolders(ENGINES)
  index.count(sought, holders, { remembers: isFresh })
  return [...holders.held]
}

function only(slot: number, count: number): number[] {
  return Array.from({ length: ENGINES }, (_, other) => (other === slot ? count : 0))
}

suite('the index of prefixes', () => {
  test('knows how many blocks of a prompt an engine has used', () => {
    const index = indexOf(65_536)
    index.note(blocks(1, 5), 3, 0, 0)
    assert.deepEqual(heldOf(index, blocks(1, 8)), only(3, 5))
    assert.deepEqual(heldOf(index, blocks(1, 2)), only(3, 2))
    assert.deepEqual(heldOf(index, blocks(2, 8)), only(3, 0))
  })

  test('counts no block after one that the engine does not hold', () => {
    const index = indexOf(65_536)
    const all = blocks(1, 6)
    index.note({ keys: all.keys.slice(3), tags: all.tags.slice(3) }, 2, 0, 0)
    assert.deepEqual(heldOf(index, all), only(2, 0))
  })

  test('does not count what an engine used too long ago', () => {
    const index = indexOf(65_536)
    index.note(blocks(1, 6), 2, 40, 0)
    index.note(blocks(1, 3), 2, 50, 0)
    assert.deepEqual(
      heldOf(index, blocks(1, 6), (_, age) => age >= 50),
      only(2, 3),
    )
    assert.deepEqual(
      heldOf(index, blocks(1, 6), (_, age) => age >= 40),
      only(2, 6),
    )
  })

  test('also counts what an engine has used at any time, with the age of the last block', () => {
    const index = indexOf(65_536)
    index.note(blocks(1, 6), 2, 40, 0)
    index.note(blocks(1, 3), 2, 50, 0)
    const holders = new PrefixHolders(ENGINES)
    index.count(blocks(1, 6), holders, { remembers: (_, age) => age >= 50 })
    assert.deepEqual([holders.used[2], holders.usedAges[2]], [6, 40])
    assert.deepEqual([holders.held[2], holders.heldAges[2]], [3, 50])
  })

  test('knows no more of the blocks that an engine has not computed after all, but of others that have', () => {
    const index = indexOf(65_536)
    for (const slot of [1, 2, 3]) index.note(blocks(1, 6), slot, 40, 0)
    index.remove(blocks(1, 6), 4, 2)
    assert.deepEqual(heldOf(index, blocks(1, 6)).slice(0, 4), [0, 6, 4, 6])
    index.remove(blocks(1, 6), 0, 2)
    index.remove(blocks(2, 6), 0, 1)
    assert.deepEqual(heldOf(index, blocks(1, 6)).slice(0, 4), [0, 6, 0, 6])
    index.note(blocks(1, 6), 2, 50, 0)
    assert.deepEqual(heldOf(index, blocks(1, 6)).slice(0, 4), [0, 6, 6, 6])
  })

  test('can remove one of as many engines as a block has room for', () => {
    const index = indexOf(65_536)
    for (let slot = 0; slot < 6; slot++) index.note(blocks(1, 1), slot, 40, 0)
    index.remove(blocks(1, 1), 0, 3)
    assert.deepEqual(heldOf(index, blocks(1, 1)).slice(0, 7), [1, 1, 1, 0, 1, 1, 0])
  })

  test('forgets the counts of the prompt before', () => {
    const index = indexOf(65_536)
    index.note(blocks(1, 6), 2, 40, 0)
    const holders = new PrefixHolders(ENGINES)
    index.count(blocks(1, 6), holders, { remembers: () => true })
    index.count(blocks(2, 6), holders, { remembers: () => true })
    assert.deepEqual(
      [...holders.used, ...holders.held],
      Array.from({ length: 2 * ENGINES }, () => 0),
    )
  })

  test('has the age at which each block was used last, up to the largest', () => {
    const index = indexOf(65_536)
    const ages: number[] = []
    for (const [slot, age] of [0, 1, 32_768, 65_535].entries()) index.note(blocks(slot, 1), slot, age, 0)
    for (const slot of [0, 1, 2, 3]) heldOf(index, blocks(slot, 1), (_, age) => ages.push(age) > 0)
    assert.deepEqual(ages, [0, 1, 32_768, 65_535])
  })

  test('remembers the six engines that used a block last', () => {
    const index = indexOf(65_536)
    for (let slot = 0; slot < 8; slot++) index.note(blocks(1, 1), slot, 0, 0)
    index.note(blocks(1, 1), 2, 0, 0)
    index.note(blocks(1, 1), 9, 0, 0)
    const held = heldOf(index, blocks(1, 1)).flatMap((count, slot) => (count > 0 ? [slot] : []))
    assert.deepEqual(held, [2, 4, 5, 6, 7, 9])
  })

  test('forgets what was not used for longest when it is full, and takes no more memory', () => {
    const index = indexOf(65_536)
    for (let name = 0; name < 10_000; name++) index.note(blocks(name, 4), name % ENGINES, 0, name)
    const isKnown = (name: number): boolean => heldOf(index, blocks(name, 4))[name % ENGINES] === 4
    const known = (from: number, to: number): number => {
      let count = 0
      for (let name = from; name < to; name++) if (isKnown(name)) count++
      return count
    }
    // There is room for 2,048 blocks, so for 512 of these prompts; a crowded bucket may forget one of them earlier.
    assert.ok(known(9800, 10_000) >= 180, String(known(9800, 10_000)))
    assert.equal(known(0, 8000), 0)
  })

  test('counts its blocks, and for how long those that it displaces were not used', () => {
    const index = indexOf(128)
    assert.deepEqual([index.size, index.capacity], [0, 4])
    for (let name = 0; name < 3; name++) index.note(blocks(name, 1), 0, 0, 10 * name)
    assert.equal(index.size, 3)
    assert.deepEqual(index.note(blocks(0, 1), 1, 0, 30), { blocks: 0, idleSecs: 0 })
    assert.deepEqual(index.note(blocks(3, 1), 0, 0, 31), { blocks: 0, idleSecs: 0 })
    assert.equal(index.size, 4)
    // The blocks of 10 s and 20 s are the oldest.
    const [four, five] = [blocks(4, 1), blocks(5, 1)]
    const two = { keys: [...four.keys, ...five.keys], tags: [...four.tags, ...five.tags] }
    assert.deepEqual(index.note(two, 0, 0, 100), { blocks: 2, idleSecs: 170 })
    assert.equal(index.size, 4)
  })

  test('never ascribes a block to an engine that has not used it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(20), fc.integer({ min: 1, max: 6 }), fc.nat(ENGINES - 1)), {
          maxLength: 300,
        }),
        notes => {
          const index = indexOf(2048)
          const longest = new Map<string, number>()
          for (const [second, [name, count, slot]] of notes.entries()) {
            index.note(blocks(name, count), slot, 0, second)
            longest.set(`${name} ${slot}`, Math.max(count, longest.get(`${name} ${slot}`) ?? 0))
          }
          for (let name = 0; name <= 20; name++) {
            for (const [slot, count] of heldOf(index, blocks(name, 6)).entries())
              assert.ok(count <= (longest.get(`${name} ${slot}`) ?? 0))
          }
        },
      ),
      { seed: 3 },
    )
  })
})
