/** One round of a load whose answers are read to their end. */
import { type LoadPlan, planSchema } from '../../load/plan.ts'
import { runLoad } from '../../load/run-load.ts'
import { settled } from './wrk-round.ts'
import { CostLog } from '../../process/cost-log.ts'
import type { CheckedLoad } from '../loads/loads.ts'
import { checkedSample, type PeerSample } from '../costs/sample.ts'

interface CheckedTarget {
  readonly url: string
  readonly pid: number
}

export interface CheckedRound {
  readonly load: CheckedLoad
  readonly target: CheckedTarget
  readonly signal: AbortSignal
  /** Any address of the canned engines, which count their chunks; unset: the answers count theirs. */
  readonly cannedUrl?: string
}

export async function checkedRound({ load, target, signal, cannedUrl }: CheckedRound): Promise<PeerSample> {
  const plan: LoadPlan = planSchema.parse({ ...load.plan, url: target.url })
  const chunksBefore = await chunksOf(cannedUrl)
  const cost = new CostLog(target.pid)
  const result = await runLoad(plan, {
    signal: AbortSignal.any([signal, AbortSignal.timeout(load.limitMs)]),
    onProgress: ({ records }) => cost.sample(records.length),
  })
  const chunks =
    cannedUrl === undefined
      ? result.records.reduce((sum, { outputTokens }) => sum + outputTokens, 0)
      : (await chunksOf(cannedUrl)) - chunksBefore
  const units = load.unit === 'chunk' ? chunks : result.records.length
  return checkedSample(result, { cpuUs: cost.cpuUs(), rssMib: cost.peakRssMib(), units })
}

async function chunksOf(cannedUrl: string | undefined): Promise<number> {
  return cannedUrl === undefined ? 0 : (await settled(cannedUrl)).chunks
}
