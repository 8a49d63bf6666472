/** The figures of a run for a terminal: a table for one level, or a line per level for several. Pure. */
import { counted, figure, interval, percent, seconds, whole } from './figures.ts'
import type { Limits } from './goodput.ts'
import type { Distribution, Level } from './schema.ts'

const PERCENTILES = ['mean', 'p50', 'p90', 'p95', 'p99', 'p999', 'max'] as const
const HEADS = { mean: 'mean', p50: 'p50', p90: 'p90', p95: 'p95', p99: 'p99', p999: 'p99.9', max: 'max' }
const LABEL_WIDTH = 19
const COLUMN_WIDTH = 10
const EXAMPLE_LIMIT = 70
/** Head, width and text of each column of the lines of levels. */
const LEVEL_COLUMNS: readonly (readonly [string, number, (level: Level) => string])[] = [
  ['correct', 11, ({ successPercent }) => percent(successPercent)],
  ['req/s', 10, ({ requestsPerSecond }) => figure(requestsPerSecond)],
  ['tokens/s', 10, ({ outputTokensPerSecond }) => figure(outputTokensPerSecond)],
  ['TTFT p50', 10, ({ ttftMs }) => timeOf(ttftMs, 'p50')],
  ['TTFT p99', 10, ({ ttftMs }) => timeOf(ttftMs, 'p99')],
  ['E2E p50', 10, ({ latencyMs }) => timeOf(latencyMs, 'p50')],
  ['E2E p99', 10, ({ latencyMs }) => timeOf(latencyMs, 'p99')],
  ['errors', 8, ({ requests }) => whole(requests.failed + requests.refused)],
]

/** `goodput` is the line of `goodputLine`, if there are limits. */
export function tableOf(level: Level, goodput?: string): string {
  const lines = [
    `${level.name}: ${counted(level.requests.sent, 'request')} in ${seconds(level.durationSeconds)}${level.wasInterrupted ? ' (interrupted)' : ''}`,
    ...countLines(level),
    ...(goodput === undefined ? [] : [goodput]),
    '',
    ...timeLines(level),
    ...failureLines(level),
    '',
    generatorLine(level),
  ]
  return `${lines.join('\n')}\n`
}

/** The head above the lines of several levels. */
export function levelHead(name: string): string {
  return `${name.padEnd(LABEL_WIDTH)}${LEVEL_COLUMNS.map(([head, width]) => head.padStart(width)).join('')}\n`
}

export function levelLine(level: Level): string {
  const cells = LEVEL_COLUMNS.map(([, width, text]) => text(level).padStart(width))
  const notes = [
    ...(level.wasInterrupted ? [`interrupted, ${whole(level.requests.unfinished)} open`] : []),
    ...(level.generator.isLimit ? ['generator saturated'] : []),
  ]
  return `${[level.name.padEnd(LABEL_WIDTH) + cells.join(''), ...notes].join('  ')}\n`
}

export function goodputLine(limits: Limits, perSecond: number): string {
  const kept = Object.entries(limits).map(([name, ms]) => `${name} ${ms} ms`)
  return tableLine('goodput', `${figure(perSecond)} requests/s within ${kept.join(', ')}`)
}

function countLines(level: Level): string[] {
  const { requests, inFlight, durationSeconds } = level
  const { ok, failed, refused, left, unfinished } = requests
  const counts = [
    `${whole(ok)} correct`,
    `${whole(failed)} failed`,
    `${whole(refused)} refused`,
    ...(left > 0 ? [`${whole(left)} left by their clients`] : []),
    ...(unfinished > 0 ? [`${whole(unfinished)} open at the end`] : []),
  ]
  const inputRate = durationSeconds === 0 ? 0 : level.inputTokens / durationSeconds
  return [
    tableLine('success', `${percent(level.successPercent)}   ${counts.join(', ')}`),
    tableLine(
      'tokens',
      level.areTokensChecked ? 'every token compared with the expected one' : 'not compared',
    ),
    tableLine(
      'throughput',
      `${figure(level.requestsPerSecond)} requests/s   ${figure(level.outputTokensPerSecond)} output tokens/s   ${figure(inputRate)} input tokens/s`,
    ),
    ...prefixCacheLine(level),
    tableLine('in flight', `${figure(inFlight.mean)} on average, ${whole(inFlight.max)} at most`),
  ]
}

/** Nothing if the engines do not report it. */
function prefixCacheLine({ prefixCache }: Level): string[] {
  if (prefixCache === null) return []
  const { hitPercent, cachedTokens, promptTokens } = prefixCache
  const saved = `prefill saved ${whole(cachedTokens)} of ${whole(promptTokens)} prompt tokens`
  return [tableLine('prefix cache', `hit rate ${percent(hitPercent)}   ${saved}`)]
}

function timeLines(level: Level): string[] {
  const rows = [
    ...timeRow('latency (E2E)', level.latencyMs),
    ...timeRow('  from schedule', level.latencyFromScheduleMs),
    ...timeRow('TTFT', level.ttftMs),
    ...timeRow('  from schedule', level.ttftFromScheduleMs),
    ...timeRow('TPOT', level.tpotMs),
    ...timeRow('ITL', level.itlMs),
  ]
  if (rows.length === 0) return ['  no times: no response was correct']
  return [tableLine('ms', PERCENTILES.map(name => HEADS[name].padStart(COLUMN_WIDTH)).join('')), ...rows]
}

function timeRow(label: string, times: Distribution | null): string[] {
  if (times === null) return []
  return [
    tableLine(
      label,
      PERCENTILES.map(percentile => figure(times[percentile]).padStart(COLUMN_WIDTH)).join(''),
    ),
  ]
}

/** Failures by kind, most frequent first, with an example each. `where` names the level in a run of several. */
export function failureLines({ failures }: Level, where = ''): string[] {
  const kinds = Object.entries(failures)
  if (kinds.length === 0) return []
  return [
    '',
    `  failures${where}`,
    ...kinds.map(([kind, { count, example, firstSeconds, lastSeconds }]) => {
      const when = `at ${interval(firstSeconds, lastSeconds)}`
      const sample = example === '' ? '' : `   e.g. ${oneLine(example)}`
      return tableLine(`  ${kind}`, `${whole(count).padStart(COLUMN_WIDTH)}   ${when}${sample}`)
    }),
  ]
}

/** Says whether the generator or the target limited the load. */
function generatorLine({ generator }: Level): string {
  const { busyShares, cpuShares, isLimit, scheduleLagP99Ms } = generator
  const limit = isLimit
    ? ' - warning: the generator is the limit, not the target; use more --processes or a higher concurrency'
    : ''
  const busy = `busy for ${shareText(busyShares)} of the time, CPU ${shareText(cpuShares)} of a core`
  return tableLine('generator', `${busy}, sent ${figure(scheduleLagP99Ms)} ms late (p99)${limit}`)
}

/** The share of the busiest process. */
function shareText(shares: readonly number[]): string {
  return `${Math.round(Math.max(0, ...shares) * 100)}%`
}

/** A line of a table: a label and its text. */
export function tableLine(label: string, text: string): string {
  return `  ${label.padEnd(LABEL_WIDTH)}${text}`
}

function timeOf(times: Distribution | null, which: 'p50' | 'p99'): string {
  return times === null ? '-' : figure(times[which])
}

/** Text from a server may contain anything, even control sequences of the terminal. */
function oneLine(text: string): string {
  const plain = text.replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim()
  return plain.length > EXAMPLE_LIMIT ? `${plain.slice(0, EXAMPLE_LIMIT)}…` : plain
}
