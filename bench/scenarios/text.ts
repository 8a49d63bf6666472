/** Results of a scenario as text. */
import type { LoadResult } from '../load/records/result.ts'
import type { CostLog } from '../process/cost-log.ts'
import { whole } from '../report/figures.ts'
import { levelOf } from '../report/level.ts'
import { tableLine, tableOf } from '../report/table.ts'
import type { Expectation } from './expectations.ts'

/** The table of a load, with what it cost the gateway. */
export function loadText(name: string, result: LoadResult, cost: CostLog): string {
  const cpuUs = cost.cpuUs() / Math.max(1, result.records.length)
  const gateway = `CPU ${whole(cpuUs)} us per request, memory ${whole(cost.peakRssMib())} MiB peak`
  return `${tableOf(levelOf(name, result))}${tableLine('gateway', gateway)}\n`
}

export function expectationText(expectations: readonly Expectation[]): string {
  const lines = expectations.map(
    ({ name, measured, expected, holds }) =>
      `${holds ? 'ok    ' : 'FAILED'} ${name}: ${measured} (expected ${expected})`,
  )
  return `${lines.join('\n')}\n`
}
