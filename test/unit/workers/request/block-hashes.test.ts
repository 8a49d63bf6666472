import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { BLOCK_ENDS } from '../../../../workers/kv-blocks/block-ends.ts'
import { HashedPrompt, hashBlocks, type PromptBlocks } from '../../../../workers/request/block-hashes.ts'

/** The blocks of a prompt that lies somewhere in a body. */
function blocksOf(prompt: Uint8Array, { before = '', seed = '' } = {}): PromptBlocks {
  const body = Buffer.concat([Buffer.from(seed), Buffer.from(before), prompt, Buffer.from('rest')])
  const start = seed.length + before.length
  return hashBlocks(body, {
    seeds: [{ start: 0, end: seed.length }],
    parts: [{ start, end: start + prompt.length }],
  })
}

function endsOf({ keys }: PromptBlocks): readonly number[] {
  return BLOCK_ENDS.slice(0, keys.length)
}

function hashesOf({ keys, tags }: PromptBlocks): string[] {
  return keys.map((key, index) => `${key}/${tags[index]}`)
}

const PROMPTS = fc.uint8Array({ minLength: 256, maxLength: 20_000 })

/** A prompt in two parts after a seed, all without anything between. */
function keyOf(seed: string, first: string, second: string, maxBytes = 64): number | undefined {
  const [start, middle] = [seed.length, seed.length + first.length]
  return new HashedPrompt(Buffer.from(seed + first + second), {
    seeds: [{ start: 0, end: start }],
    parts: [
      { start, end: middle },
      { start: middle, end: middle + second.length },
    ],
  }).prefixKey(maxBytes)
}

/** The hash of the first block of a prompt with this seed. */
function firstOf(seed: string): string | undefined {
  return hashesOf(blocksOf(Buffer.alloc(256, 'x'), { seed }))[0]
}

function shortKeyOf(seed: string, ...parts: readonly string[]): number | undefined {
  const ranges = parts.map((part, index) => {
    const start = seed.length + parts.slice(0, index).join('').length
    return { start, end: start + part.length }
  })
  const where = { seeds: [{ start: 0, end: seed.length }], parts: ranges }
  return new HashedPrompt(Buffer.from(seed + parts.join('')), where).shortKey
}

suite('the blocks of a prompt', () => {
  test('begin with 256 bytes and are at most an eighth of what is before them', () => {
    const blocks = blocksOf(Buffer.alloc(1_000_000))
    const [ends, { bytes }] = [endsOf(blocks), blocks]
    assert.deepEqual(ends.slice(0, 3), [256, 512, 768])
    for (const [index, end] of ends.entries()) {
      const size = end - (ends[index - 1] ?? 0)
      assert.ok(size === 256 || size <= end / 8, `block of ${size} bytes that ends at ${end}`)
    }
    assert.ok(bytes - (ends.at(-1) ?? 0) < bytes / 8)
    assert.equal(ends.length, 79)
  })

  test('are none where the prompt is shorter than a block', () => {
    assert.deepEqual(endsOf(blocksOf(Buffer.alloc(255))), [])
    assert.deepEqual(endsOf(blocksOf(Buffer.alloc(256))), [256])
  })

  test('are equal exactly as far as two prompts are, wherever these lie in their bodies', () => {
    fc.assert(
      fc.property(
        PROMPTS,
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        fc.string(),
        (prompt, at, flip, before) => {
          const other = Buffer.from(prompt)
          const changed = at % prompt.length
          other[changed] = (other[changed] ?? 0) ^ flip
          const [left, right] = [
            blocksOf(prompt),
            blocksOf(other, { before: before.replaceAll(/[^ -~]/g, '') }),
          ]
          const equal = endsOf(left).filter(end => end <= changed).length
          const [a, b] = [hashesOf(left), hashesOf(right)]
          assert.deepEqual(a.slice(0, equal), b.slice(0, equal))
          for (let block = equal; block < a.length; block++) assert.notEqual(a[block], b[block])
        },
      ),
      { seed: 1 },
    )
  })

  test('of a longer prompt begin with those of its beginning', () => {
    fc.assert(
      fc.property(PROMPTS, fc.uint8Array({ maxLength: 5000 }), (prompt, more) => {
        const longer = hashesOf(blocksOf(Buffer.concat([prompt, more])))
        const shorter = hashesOf(blocksOf(prompt))
        assert.deepEqual(longer.slice(0, shorter.length), shorter)
      }),
      { seed: 2 },
    )
  })

  test('differ between models', () => {
    const prompt = Buffer.alloc(600, 'x')
    const [one, other] = ['"llama"', '"qwen"'].map(seed => hashesOf(blocksOf(prompt, { seed })))
    assert.notEqual(one?.[0], other?.[0])
    assert.notEqual(one?.[1], other?.[1])
  })

  test('differ between long seeds of other lengths, beginnings or ends, of which no more is hashed', () => {
    const image = 'i'.repeat(100_000)
    const seeds = [image, `${image}i`, `j${image.slice(1)}`, `${image.slice(1)}j`]
    assert.equal(new Set(seeds.map(firstOf)).size, seeds.length)
    const middle = `${image.slice(0, 50_000)}j${image.slice(50_001)}`
    assert.equal(firstOf(middle), firstOf(image))
    // All of a chat template counts.
    assert.notEqual(firstOf(middle.slice(40_000, 60_000)), firstOf(image.slice(40_000, 60_000)))
  })

  test('run over the parts of a prompt, whose lengths count', () => {
    const body = Buffer.alloc(1000, 'y')
    const split = (at: number): string[] =>
      hashesOf(
        hashBlocks(body, {
          seeds: [],
          parts: [
            { start: 0, end: at },
            { start: at, end: 1000 },
          ],
        }),
      )
    // Both parts count as multiples of 32 bytes, together as 1,056.
    assert.equal(split(100).length, 4)
    assert.notDeepEqual(split(100), split(101))
    assert.notDeepEqual(split(99), split(100))
  })

  test('are all different, whatever bits their prompts differ in', () => {
    const seen = new Set<string>()
    const prompt = Buffer.alloc(512)
    for (let bit = 0; bit < 512 * 8; bit++) {
      const flip = 1 << (bit & 7)
      prompt[bit >> 3] = flip
      seen.add(hashesOf(blocksOf(prompt))[1] ?? '')
      prompt[bit >> 3] = 0
    }
    assert.equal(seen.size, 512 * 8)
  })

  test('spread evenly over the keys of an index', () => {
    const counts = new Map<number, number>()
    const prompt = Buffer.alloc(256)
    for (let turn = 0; turn < 16_384; turn++) {
      prompt.writeUInt32LE(turn, 128)
      const key = (blocksOf(prompt).keys[0] ?? 0) & 1023
      counts.set(key, (counts.get(key) ?? 0) + 1)
    }
    // 16 on average; of 1,024 fair draws the largest is above 40 once in a million times.
    assert.ok(Math.max(...counts.values()) <= 40, String(Math.max(...counts.values())))
    assert.equal(counts.size, 1024)
  })
})

suite('the hash of the beginning of a prompt', () => {
  const [system, turn] = ['s'.repeat(40), 't'.repeat(40)]

  test('depends on that number of bytes of all parts, and on the seed', () => {
    const key = keyOf('model', system, turn)
    assert.equal(keyOf('model', system, `${turn.slice(0, 24)}other`), key)
    assert.equal(keyOf('model', system, turn.slice(0, 24)), key)
    assert.notEqual(keyOf('model', system, `${turn.slice(0, 23)}other`), key)
    assert.notEqual(keyOf('model', `x${system.slice(1)}`, turn), key)
    assert.notEqual(keyOf('modem', system, turn), key)
    assert.notEqual(keyOf('model', system, turn, 65), key)
  })

  test('does not depend on parts after the last byte that counts', () => {
    assert.equal(keyOf('model', system + turn, 'x'), keyOf('model', system + turn, 'y'))
  })

  test('is that of the whole prompt if this is shorter, and none without a prompt', () => {
    assert.notEqual(keyOf('model', system, 'x', 1e6), keyOf('model', system, 'y', 1e6))
    assert.equal(
      new HashedPrompt(Buffer.from('seed'), { seeds: [{ start: 0, end: 4 }], parts: [] }).prefixKey(8),
      undefined,
    )
  })

  test('differs for prompts that differ anywhere in it', () => {
    const keys = Array.from({ length: 5000 }, (_, index) => keyOf('', `prompt ${index}`, turn))
    assert.ok(new Set(keys).size > 4998, `${new Set(keys).size}`)
  })
})

suite('the hash of a prompt that is shorter than a block', () => {
  test('depends on all of it, and on the seed', () => {
    const key = shortKeyOf('"model', '[tools', '[messages')
    assert.equal(shortKeyOf('"model', '[tools', '[messages'), key)
    for (const [seed, tools, messages] of [
      ['"modem', '[tools', '[messages'],
      ['"model', '[tolls', '[messages'],
      ['"model', '[tools', '[messaged'],
      ['"model', '[tools', '[messages '],
      ['"model', '[tools[', 'messages'],
    ] as const)
      assert.notEqual(shortKeyOf(seed, tools, messages), key)
    assert.ok(key !== undefined && key >= 0 && Number.isInteger(key))
  })

  test('is none of a prompt that has a block, that is empty or that is unknown', () => {
    assert.ok(shortKeyOf('', `"${'x'.repeat(254)}`) !== undefined)
    for (const parts of [[`"${'x'.repeat(255)}`], ['"'], ['[', '['], []])
      assert.equal(shortKeyOf('"model', ...parts), undefined)
  })

  test('differs between short prompts', () => {
    const keys = Array.from({ length: 5000 }, (_, index) => shortKeyOf('"m', `"prompt ${index}`))
    assert.ok(new Set(keys).size > 4998, `${new Set(keys).size}`)
  })
})
