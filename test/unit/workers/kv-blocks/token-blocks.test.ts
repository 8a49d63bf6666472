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

  const MAX_BYTES = 4_194_304

  test('are those of the first 4 MiB, and the number of tokens is estimated from these', () => {
    const count = 1_500_000
    const text = `[${'123,'.repeat(count - 1)}123]`
    const blocks = read(text)
    assert.ok(blocks !== undefined)
    assert.equal(blocks.states.length, Math.floor((MAX_BYTES - 1) / 4 / SIZE))
    assert.ok(Math.abs(blocks.tokens / count - 1) < 0.001, String(blocks.tokens))
    assert.deepEqual(blocks.states[0], read('[123,123,123,123]')?.states[0])
    assert.equal(read(text.slice(0, -1))?.tokens, blocks.tokens)
  })

  test('do not depend on what is behind that', () => {
    const beginning = `[${'123,'.repeat(MAX_BYTES / 4)}`
    const [other, same] = ['999999,"text"]', '123,123,123]'].map(end => read(beginning + end)?.states)
    assert.ok(other !== undefined && same !== undefined)
    assert.deepEqual([other.length, other.at(-1)], [same.length, same.at(-1)])
  })

  for (const filler of ['1', ' '])
    test(`are unknown if the first token is not read to its end (${JSON.stringify(filler)})`, () => {
      assert.deepEqual(read(`[${filler.repeat(MAX_BYTES + 5)}1,2]`), {
        tokens: 0,
        blockSize: SIZE,
        states: [],
      })
    })
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
