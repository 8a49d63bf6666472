/** A scenario's figures as text. */
import type { LoadResult } from '../load/result.ts'
import { whole } from '../report/figures.ts'
import { levelOf } from '../report/level.ts'
import { tableLine, tableOf } from '../report/table.ts'
import type { CostLog } from '../process/cost-log.ts'
import type { Condition } from './expectations.ts'

/** As every bench shows a load, and what it cost the gateway. */
export function loadText(name: string, result: LoadResult, cost: CostLog): string {
  const cpuUs = cost.cpuUs() / Math.max(1, result.records.length)
  const gateway = `CPU ${whole(cpuUs)} us a request, memory ${whole(cost.peakRssMib())} MiB at most`
  return `${tableOf(levelOf(name, result))}${tableLine('gateway', gateway)}\n`
}

export function conditionText(conditions: readonly Condition[]): string {
  const lines = conditions.map(
    ({ name, seen, wanted, holds }) => `${holds ? 'ok    ' : 'FAILED'} ${name}: ${seen} (wanted ${wanted})`,
  )
  return `${lines.join('\n')}\n`
}
