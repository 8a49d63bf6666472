/** Batches as msgspec 0.23 encodes the structs of both engines, and bytes that are none. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { Packr } from 'msgpackr'
import { decodeBatch } from '../../../src/kv-events/decode.ts'

const MAPS =
  'aa474797065ab426c6f636b53746f726564ac626c6f636b5f68617368657392cf8000000000000001cfffffffffffffffffb1706172656e745f626c6f636b5f68617368c0a9746f6b656e5f69647394010203ce00011170aa626c6f636b5f73697a6502a76c6f72615f6964c0a66d656469756da3475055a96c6f72615f6e616d65c0a967726f75705f69647800b26b765f63616368655f737065635f6b696e64ae66756c6c5f617474656e74696f6e84a474797065ac426c6f636b52656d6f766564ac626c6f636b5f6861736865739105a66d656469756da3475055a967726f75705f6964780081a474797065b0416c6c426c6f636b73436c6561726564'
/** vLLM 0.32: the batch is an array, its events are maps. */
const VLLM = `93cb41da993c10100000938${MAPS}00`
/** The main branch of vLLM: the batch is a map, too. */
const VLLM_MAIN = `83a27473cb41da993c10100000a66576656e7473938${MAPS}b2646174615f706172616c6c656c5f72616e6b00`
/** vLLM 0.10: events are arrays, hashes are 32 bytes. */
const VLLM_OLD =
  '93cb3ff80000000000009397ab426c6f636b53746f72656491c420000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1fc420000000000000000000000000000000000000000000000000000000000000000092090802c0a347505593ac426c6f636b52656d6f76656491c420000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1fa347505591b0416c6c426c6f636b73436c656172656400'
/** Older SGLang: hashes are signed. */
const SGLANG =
  '93cb3ff80000000000009497ab426c6f636b53746f72656491d3cf97adeedb59e05bc0940102030404c0a347505597ab426c6f636b53746f72656491d3cb701dbfc2cfd592d3cf97adeedb59e05b940506070804c0a347505593ac426c6f636b52656d6f76656491d3cb701dbfc2cfd592a347505593ac426c6f636b52656d6f7665649107c003'

const packr = new Packr({ useRecords: false })

const encoded = (...events: readonly unknown[]): Buffer => packr.pack([1, events])

const STORED = { type: 'BlockStored', block_hashes: [7], token_ids: [1, 2], block_size: 2 }

suite('KV events', () => {
  for (const [name, hex] of [
    ['an array of maps', VLLM],
    ['a map of maps', VLLM_MAIN],
  ] as const)
    test(`of vLLM are read from ${name}`, () => {
      assert.deepEqual(decodeBatch(Buffer.from(hex, 'hex')), {
        ts: 1785000000.25,
        events: [
          {
            kind: 'stored',
            hashes: [2n ** 63n + 1n, 2n ** 64n - 1n],
            parent: undefined,
            tokens: [1, 2, 3, 70_000],
            blockSize: 2,
          },
          { kind: 'removed', hashes: [5n] },
          { kind: 'cleared' },
        ],
        ignored: 0,
        malformed: 0,
      })
    })

  test('of older vLLM are arrays with hashes in bytes', () => {
    const hash = 0x0001020304050607n
    assert.deepEqual(decodeBatch(Buffer.from(VLLM_OLD, 'hex'))?.events, [
      { kind: 'stored', hashes: [hash], parent: 0n, tokens: [9, 8], blockSize: 2 },
      { kind: 'removed', hashes: [hash] },
      { kind: 'cleared' },
    ])
  })

  test('of older SGLang are arrays with signed hashes', () => {
    const [first, second] = [
      BigInt.asUintN(64, -3488128144981237669n),
      BigInt.asUintN(64, -3787494577174227566n),
    ]
    assert.deepEqual(decodeBatch(Buffer.from(SGLANG, 'hex'))?.events, [
      { kind: 'stored', hashes: [first], parent: undefined, tokens: [1, 2, 3, 4], blockSize: 4 },
      { kind: 'stored', hashes: [second], parent: first, tokens: [5, 6, 7, 8], blockSize: 4 },
      { kind: 'removed', hashes: [second] },
      { kind: 'removed', hashes: [7n] },
    ])
  })

  for (const [what, event] of [
    ['of an adapter', { ...STORED, lora_name: 'mine' }],
    ['with a salt', { ...STORED, cache_salt: 'mine' }],
    [
      'of pairs of tokens',
      {
        ...STORED,
        token_ids: [
          [1, 2],
          [2, 3],
        ],
      },
    ],
    ['of an image', { ...STORED, extra_keys: [['image', 0]] }],
    ['in the memory of the host', { ...STORED, medium: 'CPU_PINNED' }],
    ['of another group', { ...STORED, group_idx: 1 }],
    ['of a type that is new', { type: 'BlockMoved', block_hashes: [7] }],
  ] as const)
    test(`${what} are ignored`, () => {
      assert.deepEqual(decodeBatch(encoded(event)), { ts: 1, events: [], ignored: 1, malformed: 0 })
    })

  for (const [what, event] of [
    ['without a type', { block_hashes: [7] }],
    ['without hashes', { ...STORED, block_hashes: undefined }],
    ['with a hash that is none', { ...STORED, block_hashes: ['7'] }],
    ['with a parent that is none', { ...STORED, parent_block_hash: 'x' }],
    ['with fewer tokens than blocks have', { ...STORED, token_ids: [1] }],
    ['with tokens that are none', { ...STORED, token_ids: [1, -2] }],
    ['that are a number', 5],
    ['that are an empty list', []],
    ['with the name of a method as type', { type: 'toString' }],
  ] as const)
    test(`${what} are counted and change nothing`, () => {
      const batch = decodeBatch(encoded(event, STORED))
      assert.equal((batch?.malformed ?? 0) + (batch?.ignored ?? 0), 1)
      assert.equal(batch?.events.length, 1)
    })

  test('that are no msgpack make no batch', () => {
    for (const hex of ['', 'c1', '93', '05', '80', '9301', 'dfffffffff', 'ddffffffff'])
      assert.equal(decodeBatch(Buffer.from(hex, 'hex')), undefined, hex)
  })

  test('never throw, whatever the bytes are', () => {
    const real = [VLLM, VLLM_MAIN, VLLM_OLD, SGLANG].map(hex => Buffer.from(hex, 'hex'))
    const damaged = fc
      .tuple(fc.constantFrom(...real), fc.nat(), fc.integer({ min: 0, max: 255 }), fc.nat())
      .map(([bytes, at, value, length]) => {
        const copy = Buffer.from(bytes)
        copy[at % copy.length] = value
        return copy.subarray(0, 1 + (length % copy.length))
      })
    fc.assert(
      fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 64 })), bytes => {
        const batch = decodeBatch(bytes)
        for (const event of batch?.events ?? [])
          if (event.kind === 'stored')
            assert.equal(event.tokens.length, event.hashes.length * event.blockSize)
      }),
      { seed: 16, numRuns: 3000 },
    )
  })

  test('of any form are either understood, ignored or malformed', () => {
    fc.assert(
      fc.property(fc.array(fc.anything({ withNullPrototype: false }), { maxLength: 5 }), events => {
        const known = encoded(
          ...events.map(event =>
            typeof event === 'symbol'
              ? 0
              : JSON.parse(
                  JSON.stringify(event ?? null, (_, v) => (typeof v === 'bigint' ? 0 : v)) ?? 'null',
                ),
          ),
        )
        const batch = decodeBatch(known)
        assert.ok(batch)
        assert.equal(batch.events.length + batch.ignored + batch.malformed, events.length)
      }),
      { seed: 16, numRuns: 300 },
    )
  })
})
