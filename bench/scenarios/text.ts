/** A scenario's figures as text. */
import { percentileOf, sorted } from '../load/percentiles.ts'
import { isGeneratorLimit, type LoadResult } from '../load/result.ts'
import { failuresOf } from '../report/failures.ts'
import type { CostLog } from '../stage/cost-log.ts'
import type { Condition } from './condition.ts'

export function loadText(name: string, result: LoadResult, cost: CostLog): string {
  const { records, busyShares, cpuShares } = result
  const good = records.filter(({ outcome }) => outcome === 'ok')
  const left = records.filter(({ outcome }) => outcome === 'left').length
  const lengthSecs = records.reduce((latest, { endMs }) => Math.max(latest, endMs), 0) / 1000
  const busy = Math.max(0, ...busyShares)
  const lines = [
    `${name}: ${records.length} requests in ${lengthSecs.toFixed(1)} s, ${good.length} right, ${left} left by their clients`,
    `  ${(good.length / Math.max(0.001, lengthSecs)).toFixed(1)} right answers a second`,
    `  latency ms   ${percentiles(good.map(({ endMs, sentMs }) => endMs - sentMs))}`,
    ...streamLines(good),
    `  gateway      CPU ${(cost.cpuUs() / Math.max(1, records.length)).toFixed(0)} us a request, RSS ${cost.peakRssMib().toFixed(0)} MiB at most`,
    `  generator    busy ${(busy * 100).toFixed(0)} % of its time, CPU ${(Math.max(0, ...cpuShares) * 100).toFixed(0)} % of a core${isGeneratorLimit(result) ? ': it is the limit, not the gateway' : ''}`,
    ...Object.entries(failuresOf(result)).map(
      ([kind, { count, example }]) => `  ${kind}: ${count} ${example}`,
    ),
  ]
  return `${lines.join('\n')}\n`
}

export function conditionText(conditions: readonly Condition[]): string {
  const lines = conditions.map(
    ({ name, seen, wanted, holds }) => `${holds ? 'ok    ' : 'FAILED'} ${name}: ${seen} (wanted ${wanted})`,
  )
  return `${lines.join('\n')}\n`
}

function streamLines(good: LoadResult['records']): string[] {
  const ttft = good.flatMap(({ firstTokenMs, sentMs }) =>
    firstTokenMs === undefined ? [] : [firstTokenMs - sentMs],
  )
  return ttft.length === 0 ? [] : [`  TTFT ms      ${percentiles(ttft)}`]
}

function percentiles(samples: readonly number[]): string {
  const ordered = sorted(samples)
  return [50, 90, 99, 99.9, 100].map(one => `p${one} ${percentileOf(ordered, one).toFixed(1)}`).join('  ')
}
