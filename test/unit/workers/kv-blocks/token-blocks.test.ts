import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { TokenChain } from '../../../../src/shared/kv-blocks/token-chain.ts'
import { ExactCaches } from '../../../../workers/kv-blocks/exact-caches.ts'
import { tokenBlocks } from '../../../../workers/kv-blocks/token-blocks.ts'

const SIZE = 4

function read(text: string) {
  return tokenBlocks(Buffer.from(text), { start: 0, end: text.length }, SIZE)
}

suite('the blocks of a prompt of token ids', () => {
  test('are those of the chain, however the list is written', () => {
    const space = fc.constantFrom('', ' ', '\n', '\t ')
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(2 ** 32 - 1), space), { minLength: 1, maxLength: 30 }),
        space,
        (list, after) => {
          const chain = new TokenChain()
          const states = list.flatMap(([token], index) => {
            chain.add(token)
            return (index + 1) % SIZE === 0 ? [{ a: chain.a, b: chain.b }] : []
          })
          const text = `[${list.map(([token, blank]) => `${blank}${token}${blank}`).join(',')}${after}`
          const expected = { tokens: list.length, blockSize: SIZE, states }
          assert.deepEqual(read(`${text}]`), expected)
          assert.deepEqual(read(text), expected)
        },
      ),
      { seed: 16, numRuns: 200 },
    )
  })

  for (const text of [
    '"text"',
    '[]',
    '[[1,2]]',
    '["1"]',
    '[1,]',
    '[-1]',
    '[1.5]',
    '[1e3]',
    '[4294967296]',
    '[null]',
    '[{}]',
    '[',
  ])
    test(`are none of ${text}`, () => assert.equal(read(text), undefined))
})

suite('what an engine holds of a prompt', () => {
  for (const held of [0, 1, 2, 5, 6])
    test(`is what it has of ${held} blocks`, () => {
      const blocks = tokenBlocks(Buffer.from('[1,2,3,4,5,6,7]'), { start: 0, end: 15 }, 1)
      const states = blocks?.states.slice(0, held) ?? []
      const exact = new ExactCaches({
        blockSize: slot => slot,
        isComplete: () => true,
        has: (_, { a, b }) => states.some(state => state.a === a && state.b === b),
      })
      const prompt = { tokenBlocks: () => blocks }
      assert.deepEqual(exact.shareOf(prompt, 1), { share: held / 7, isComplete: true })
      assert.equal(exact.shareOf(prompt, 0), undefined)
      assert.equal(exact.shareOf({ tokenBlocks: () => undefined }, 1), undefined)
    })
})
