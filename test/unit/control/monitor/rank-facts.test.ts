import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type RankFacts, ranksOf } from '../../../../src/control/monitor/rank-facts.ts'
import { MAX_RANKS, type Role } from '../../../../src/core/engine.ts'

const AUTO = { dataParallelRanks: 'auto', vllmDataParallelSize: 1 } as const
const OFF = { ...AUTO, dataParallelRanks: 'off' } as const
const VLLM_4 = { ...AUTO, vllmDataParallelSize: 4 }

function facts(change: Partial<RankFacts> = {}): RankFacts {
  return { dpSize: 2, isVllm: false, version: '0.5.23', ...change }
}

function version(text: string): RankFacts {
  return facts({ version: text })
}

const ROUTED = { count: 2, field: 'routed_dp_rank' }

for (const [name, given, role, settings, ranks] of [
  ['an engine with several ranks', facts(), 'prefill', AUTO, ROUTED],
  ['an engine that names no version', { dpSize: 2, isVllm: false }, 'decode', AUTO, ROUTED],
  ['the first version with ranks of its own in each leg', version('0.5.10'), 'decode', AUTO, ROUTED],
  ['a build of one’s own', version('main-3f2a'), 'prefill', AUTO, ROUTED],
  ['an engine with one rank', facts({ dpSize: 1 }), 'mixed', AUTO, undefined],
  ['an engine with more ranks than fit', facts({ dpSize: MAX_RANKS + 1 }), 'mixed', AUTO, undefined],
  ['any engine if it is turned off', facts(), 'mixed', OFF, undefined],
  ['an older engine of a pair', version('0.5.9'), 'decode', AUTO, undefined],
  ['an older mixed engine', version('v0.5.9'), 'mixed', AUTO, { count: 2, field: 'data_parallel_rank' }],
  [
    'vLLM, with the number that is configured',
    facts({ isVllm: true, dpSize: 1 }),
    'mixed',
    VLLM_4,
    { count: 4, field: 'x-data-parallel-rank' },
  ],
  ['vLLM without a configured number', facts({ isVllm: true }), 'mixed', AUTO, undefined],
] as const satisfies readonly (readonly [string, RankFacts, Role, object, object | undefined])[]) {
  test(`the ranks of ${name} are ${ranks === undefined ? 'left to the engine' : 'chosen'}`, () => {
    assert.deepEqual(ranksOf(given, role, settings), ranks)
  })
}
