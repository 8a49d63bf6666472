/** One round of a load whose responses are read and checked to their end. */
import { type LoadPlan, planSchema } from '../../load/plan/plan.ts'
import { runLoad } from '../../load/run-load.ts'
import { CostLog } from '../../process/cost-log.ts'
import { checkedSample, type RouterSample } from '../costs/sample.ts'
import type { CheckedLoad } from '../loads/loads.ts'
import type { Target } from '../start/running-router.ts'
import { untilSettled } from './canned-control.ts'

export interface CheckedRound {
  readonly load: CheckedLoad
  readonly target: Target
  readonly signal: AbortSignal
  /** URL of a canned engine, which counts chunks; undefined: the tokens of the responses are counted. */
  readonly cannedUrl: string | undefined
}

export async function checkedRound({ load, target, signal, cannedUrl }: CheckedRound): Promise<RouterSample> {
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
  return cannedUrl === undefined ? 0 : (await untilSettled(cannedUrl)).chunks
}
