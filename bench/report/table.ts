/** The figures of a run for people: one table, a line a level. */
import type { Distribution, Level } from './schema.ts'

const PERCENTILES = ['p50', 'p75', 'p90', 'p95', 'p99', 'p999', 'max'] as const

export function tableOf(level: Level): string {
  const { requests, generator } = level
  const lines = [
    `${level.name}: ${requests.sent} requests in ${level.durationSeconds.toFixed(2)} s${level.wasInterrupted ? ' (interrupted)' : ''}`,
    `  right        ${requests.ok} (${level.successPercent.toFixed(2)} % of those that stayed)${level.areTokensChecked ? ', every token checked' : ''}`,
    `  failed       ${requests.failed}   refused ${requests.refused}   left ${requests.left}`,
    `  throughput   ${level.requestsPerSecond.toFixed(1)} requests/s, ${level.outputTokensPerSecond.toFixed(1)} tokens/s`,
    `  ms${' '.repeat(18)}${['mean', 'min', ...PERCENTILES].map(name => name.padStart(10)).join('')}`,
    ...row('latency', level.latencyMs),
    ...row('from schedule', level.latencyFromScheduleMs),
    ...row('TTFT', level.ttftMs),
    ...row('TPOT', level.tpotMs),
    ...row('ITL', level.itlMs),
    ...Object.entries(level.failures).map(([kind, { count, example }]) => `  ${kind}: ${count}  ${example}`),
    ...(generator.isLimit ? [`  warning: ${generatorWarning(generator)}`] : []),
  ]
  return `${lines.join('\n')}\n`
}

/** Whoever reads the figures must know whose limit they are. */
function generatorWarning({ busyShares, cpuShares }: Level['generator']): string {
  return `a generator process was busy for ${percent(busyShares)} of its time (CPU ${percent(cpuShares)} of a core): it is the limit, not the target; take more --processes or more at a time`
}

function percent(shares: readonly number[]): string {
  return `${Math.round(Math.max(0, ...shares) * 100)} %`
}

function row(name: string, times: Distribution): string[] {
  if (times.count === 0) return []
  const figures = [times.mean, times.min, ...PERCENTILES.map(one => times[one])]
  return [`  ${name.padEnd(20)}${figures.map(figure => figure.toFixed(3).padStart(10)).join('')}`]
}
