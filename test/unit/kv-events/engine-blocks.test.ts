import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import type { KvEvent } from '../../../src/kv-events/decode.ts'
import { EngineBlocks, type EngineBlocksOptions } from '../../../src/kv-events/engine-blocks.ts'
import { KvBlockIndex } from '../../../src/shared/kv-blocks/kv-block-index.ts'
import { TokenChain } from '../../../src/shared/kv-blocks/token-chain.ts'
import { createSharedMemory, withKvBlocks } from '../../../src/shared/layout.ts'

const SIZE = 2

function open(options: Partial<EngineBlocksOptions> = {}, maxBlocks = 4096) {
  const index = new KvBlockIndex(withKvBlocks(createSharedMemory(2, 1), maxBlocks))
  const kinds: string[] = []
  let count = 0
  const blocks = new EngineBlocks({
    slot: 0,
    index,
    hasRoom: () => count < maxBlocks,
    onChange: change => {
      count += change
    },
    onCleared: () => undefined,
    onEvent: kind => kinds.push(kind),
    ...options,
  })
  blocks.setKnowledge('all')
  const apply = (...events: readonly KvEvent[]): void =>
    blocks.apply({ ts: 0, events, ignored: 0, malformed: 0 })
  return { index, blocks, kinds, apply, count: () => count }
}

function stored(tokens: readonly number[], hashes: readonly bigint[], parent?: bigint): KvEvent {
  return { kind: 'stored', hashes, parent, tokens, blockSize: SIZE }
}

function has(index: KvBlockIndex, ...tokens: readonly number[]): boolean {
  const chain = new TokenChain()
  for (const token of tokens) chain.add(token)
  return index.has(0, chain)
}

/** A prompt of single digits, read as a number. */
function hashOf(tokens: readonly number[]): bigint {
  return BigInt(`1${tokens.join('')}`)
}

suite('the blocks of an engine', () => {
  test('are found by all tokens up to them, and not for another engine', () => {
    const { index, apply } = open()
    apply(stored([1, 2, 3, 4], [10n, 11n]), stored([5, 6], [12n], 11n))
    assert.ok(has(index, 1, 2, 3, 4, 5, 6))
    assert.ok(!has(index, 1, 2, 3, 4, 5, 7))
    assert.ok(!has(index, 5, 6))
    const chain = new TokenChain()
    for (const token of [1, 2]) chain.add(token)
    assert.ok(index.has(0, chain) && !index.has(1, chain))
  })

  test('are not noted if what is before them is unknown, or if they have another size', () => {
    const { index, apply, kinds, count } = open()
    apply(stored([5, 6], [12n], 11n), stored([1, 2], [10n]))
    apply({ kind: 'stored', hashes: [20n], parent: undefined, tokens: [1, 2, 3], blockSize: 3 })
    assert.equal(count(), 1)
    assert.ok(has(index, 1, 2) && !has(index, 1, 2, 3))
    assert.deepEqual(kinds, ['stored', 'unplaced', 'stored', 'stored', 'unplaced'])
  })

  test('are known no longer to be all after a malformed event', () => {
    const { index, blocks, apply } = open()
    apply(stored([1, 2], [10n]))
    assert.ok(index.isComplete(0))
    blocks.apply({ ts: 0, events: [], ignored: 0, malformed: 1 })
    assert.ok(!index.isComplete(0))
    apply({ kind: 'cleared' })
    assert.ok(index.isComplete(0))
  })

  test('take no more room than there is', () => {
    const { apply, kinds, count, blocks } = open({}, 16)
    for (let block = 0; block < 100; block++) apply(stored([block, block], [BigInt(block)]))
    assert.equal(count(), 16)
    assert.equal(kinds.filter(kind => kind === 'unplaced').length, 84)
    blocks.forget()
    assert.equal(count(), 0)
  })

  test('are those that the events leave, whatever they are', () => {
    // Prompts of a few tokens share their beginnings; removing one that others follow leaves those.
    const prompt = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 2, maxLength: 8 })
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ kind: fc.constant('store' as const), prompt }) },
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('remove' as const), prompt }) },
      { weight: 1, arbitrary: fc.constant({ kind: 'clear' as const, prompt: [] }) },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), steps => {
        const { index, apply, count } = open()
        const copies = new Map<bigint, number>()
        const prompts = new Map<bigint, readonly number[]>()
        const change = (hash: bigint, by: number): void => {
          const left = (copies.get(hash) ?? 0) + by
          if (left > 0) copies.set(hash, left)
          else copies.delete(hash)
        }
        for (const { kind, prompt: tokens } of steps) {
          const whole = tokens.slice(0, tokens.length - (tokens.length % SIZE))
          if (kind === 'clear') {
            copies.clear()
            apply({ kind: 'cleared' })
          } else if (kind === 'remove') {
            change(hashOf(whole), -1)
            apply({ kind: 'removed', hashes: [hashOf(whole)] })
          } else {
            const beginnings = Array.from({ length: whole.length / SIZE }, (_, block) =>
              whole.slice(0, (block + 1) * SIZE),
            )
            for (const beginning of beginnings) {
              prompts.set(hashOf(beginning), beginning)
              change(hashOf(beginning), 1)
            }
            apply(stored(whole, beginnings.map(hashOf)))
          }
          assert.equal(count(), copies.size)
          for (const [hash, beginning] of prompts) assert.equal(has(index, ...beginning), copies.has(hash))
        }
      }),
      { seed: 16, numRuns: 200 },
    )
  })
})
