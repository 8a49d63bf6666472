import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Engine } from '../../../../src/core/engine.ts'
import { seededRandom } from '../../../../src/core/random.ts'
import { injectBootstrap } from '../../../../workers/connectors/bootstrap.ts'
import { injectMixed } from '../../../../workers/connectors/mixed.ts'
import { injectRanks } from '../../../../workers/connectors/ranks.ts'
import { engineOf } from '../../../support/engines.ts'

const PREFILL = engineOf({ role: 'prefill', bootstrapHost: '10.0.0.1', bootstrapPort: 9001 })

function ranked(engine: Engine, number: number, count = 4): Engine {
  return { ...engine, ranks: { count, field: 'routed_dp_rank' }, rank: { number, target: number } }
}

/** What a mixed engine gets when the client pins its rank. */
function bodyFor(decode: Engine, mixed: number): unknown {
  return injectRanks({ prefill: undefined, decode }, { rid: 'r' }, { mixed })?.decode
}

suite('injectBootstrap', () => {
  test('injects the address of prefill’s bootstrap server', () => {
    const injected = injectBootstrap(PREFILL, seededRandom(1))
    assert.deepEqual([injected.bootstrapHost, injected.bootstrapPort], ['10.0.0.1', 9001])
  })

  test('generates a new rid and room each time, so that no attempt reuses a room', () => {
    const random = seededRandom(1)
    const injections = Array.from({ length: 100 }, () => injectBootstrap(PREFILL, random))
    assert.equal(new Set(injections.map(injection => injection.rid)).size, 100)
    assert.equal(new Set(injections.map(injection => injection.bootstrapRoom)).size, 100)
  })
})

suite('injectMixed', () => {
  test('injects only a rid', () => {
    assert.deepEqual(Object.keys(injectMixed()), ['rid'])
  })
})

suite('injectRanks', () => {
  const injected = { rid: 'r', bootstrapRoom: 1000 }
  const decode = engineOf({ role: 'decode' })

  test('changes nothing if no rank was chosen', () => {
    assert.equal(injectRanks({ prefill: PREFILL, decode }, injected), undefined)
    assert.equal(injectRanks({ prefill: undefined, decode }, injected), undefined)
  })

  test('names prefill’s rank to both legs, and each engine’s own in its leg', () => {
    const legs = injectRanks({ prefill: ranked(PREFILL, 3), decode: ranked(decode, 1, 2) }, injected)
    const both = { rid: 'r', bootstrapRoom: 1003, prefillRank: 3, rankField: 'routed_dp_rank' }
    assert.deepEqual(legs, { prefill: { ...both, rank: 3 }, decode: { ...both, rank: 1 }, headers: [] })
  })

  test('gives both legs the same body if their ranks are the same', () => {
    const legs = injectRanks({ prefill: ranked(PREFILL, 1), decode: ranked(decode, 1, 2) }, injected)
    assert.deepEqual([legs?.prefill, legs?.decode.rank], [undefined, 1])
  })

  test('names no rank to an engine that has one only', () => {
    const toPrefill = injectRanks({ prefill: ranked(PREFILL, 2), decode }, injected)
    assert.deepEqual([toPrefill?.prefill?.rank, toPrefill?.decode.rank], [2, undefined])
    assert.deepEqual([toPrefill?.prefill?.prefillRank, toPrefill?.decode.prefillRank], [2, 2])
    const toDecode = injectRanks({ prefill: PREFILL, decode: ranked(decode, 2) }, injected)
    assert.deepEqual(toDecode?.prefill, injected)
    assert.deepEqual(toDecode.decode, { ...injected, rankField: 'routed_dp_rank', rank: 2 })
  })

  test('keeps rooms in their range, and rooms of the rank', () => {
    for (const room of [1, 2, 3, 4, Number.MAX_SAFE_INTEGER - 2, Number.MAX_SAFE_INTEGER])
      for (const rank of [0, 1, 2, 3]) {
        const legs = injectRanks(
          { prefill: ranked(PREFILL, rank), decode },
          { rid: 'r', bootstrapRoom: room },
        )
        const { bootstrapRoom = 0 } = legs?.decode ?? {}
        assert.equal(bootstrapRoom % 4, rank)
        assert.ok(bootstrapRoom >= 1 && bootstrapRoom <= Number.MAX_SAFE_INTEGER, `room ${bootstrapRoom}`)
      }
  })

  test('names a pinned rank to an engine of a pair that is not known to have it', () => {
    const field = 'routed_dp_rank'
    const both = injectRanks({ prefill: PREFILL, decode }, injected, { prefill: 1, decode: 2 })
    const shared = { ...injected, prefillRank: 1, rankField: field }
    assert.deepEqual(both?.prefill, { ...shared, rank: 1 })
    assert.deepEqual(both.decode, { ...shared, rank: 2 })
    const toDecode = injectRanks({ prefill: PREFILL, decode }, injected, { decode: 5 })
    assert.deepEqual(toDecode?.prefill, injected)
    assert.deepEqual(toDecode.decode, { ...injected, rankField: field, rank: 5 })
  })

  test('leaves the room as it is if prefill does not have the pinned rank', () => {
    const prefill = { ...PREFILL, ranks: { count: 4, field: 'routed_dp_rank' } as const }
    const legs = injectRanks({ prefill, decode }, injected, { prefill: 9 })
    assert.deepEqual([legs?.decode.bootstrapRoom, legs?.decode.prefillRank], [1000, 9])
  })

  test('names a pinned rank to a mixed engine in the body, although it is not known to have it', () => {
    const named = { rid: 'r', rankField: 'routed_dp_rank', rank: 1 }
    assert.deepEqual(bodyFor(ranked(decode, 1), 1), named)
    assert.deepEqual(bodyFor(decode, 1), named)
    const old = { ...named, rankField: 'data_parallel_rank' }
    assert.deepEqual(bodyFor({ ...decode, version: '0.5.9' }, 1), old)
    assert.equal(bodyFor(decode, -1), undefined, 'the engine refuses what the client wrote')
    assert.equal(bodyFor({ ...decode, isVllm: true }, 1), undefined, 'vLLM reads the header')
  })

  test('names the rank of vLLM in a header, and nothing in the body', () => {
    const vllm = { ...ranked(decode, 1), ranks: { count: 2, field: 'x-data-parallel-rank' } as const }
    const legs = injectRanks({ prefill: undefined, decode: vllm }, { rid: 'r' })
    assert.deepEqual(legs, {
      prefill: undefined,
      decode: { rid: 'r' },
      headers: ['x-data-parallel-rank', '1'],
    })
  })
})
