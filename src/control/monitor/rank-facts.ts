/** Among how many data-parallel ranks of an engine the gateway chooses, and how it names one. Pure. */
import type { Config } from '../../config/config.ts'
import { type Engine, type EngineRanks, MAX_RANKS, type Role } from '../../core/engine.ts'
import { takesRanksInPairs } from '../../eligibility/rank-pins.ts'

/** Of an engine, as it reports itself. */
export type RankFacts = Pick<Engine, 'dpSize' | 'isVllm' | 'version'>

type RankSettings = Pick<Config['engines'], 'dataParallelRanks' | 'vllmDataParallelSize'>

/** `undefined` if the engine has one rank, or chooses itself. */
export function ranksOf(
  { dpSize, isVllm, ...reported }: RankFacts,
  role: Role,
  { dataParallelRanks, vllmDataParallelSize }: RankSettings,
): EngineRanks | undefined {
  const count = isVllm ? vllmDataParallelSize : dpSize
  if (dataParallelRanks === 'off' || count < 2 || count > MAX_RANKS) return undefined
  if (isVllm) return role === 'mixed' ? { count, field: 'x-data-parallel-rank' } : undefined
  if (takesRanksInPairs(reported)) return { count, field: 'routed_dp_rank' }
  return role === 'mixed' ? { count, field: 'data_parallel_rank' } : undefined
}
