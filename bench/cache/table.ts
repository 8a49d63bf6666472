/** The comparison as text and as Markdown. Pure. */
import { alignedText } from '../report/aligned-text.ts'
import { whole } from '../report/figures.ts'
import { type Goal, goalLines } from '../report/goal-lines.ts'
import { comparisonMarkdown } from '../routers/report/comparison-markdown.ts'
import type { Machine } from '../routers/report/machine.ts'
import { machineText, versionsText } from '../routers/report/machine-text.ts'
import { unevenness } from './cell.ts'
import type { CacheRow } from './rows.ts'

export interface CacheReport {
  readonly machine: Machine
  /** Program -> version. */
  readonly versions: Readonly<Record<string, string>>
  readonly rows: readonly CacheRow[]
  readonly goals: readonly Goal[]
}

const HEAD = [
  'workload',
  'chosen by',
  'hit %',
  'TTFT mean',
  'p50',
  'p99 ms',
  'most uncached',
  'least',
  'most / mean',
  'correct %',
]

const LEGEND =
  'hit: cached share of all prompt tokens, as the engines report it. uncached: prompt tokens that the engine with the ' +
  'most of them had to compute, and the one with the least; most / mean: the former as a multiple of the mean.'

export function textReport({ machine, versions, rows, goals }: CacheReport): string {
  const messages = rows.flatMap(({ workload, chooser, message }) =>
    message === undefined ? [] : [`${workload}, ${chooser}: ${message}`],
  )
  const table = rows.length === 0 ? '' : `${alignedText([HEAD, ...rows.map(cellsOf)])}${LEGEND}\n`
  const lines = [...messages, machineText(machine), versionsText(versions), ...goalLines(goals)]
  return `${table}${lines.join('\n')}\n`
}

export function markdownReport({ rows, ...report }: CacheReport): string {
  const failures = rows.flatMap(({ workload, chooser, message }) =>
    message === undefined ? [] : [{ who: chooser, where: workload, message }],
  )
  return comparisonMarkdown({ ...report, head: HEAD, rows: rows.map(cellsOf), legend: LEGEND, failures })
}

function cellsOf({ workload, chooser, cell }: CacheRow): readonly string[] {
  if (cell === undefined) return [workload, chooser, ...HEAD.slice(2).map(() => '-')]
  const { uncachedTokens, correct, sent } = cell
  return [
    workload,
    chooser,
    cell.hitPercent.toFixed(1),
    cell.ttftMeanMs.toFixed(0),
    cell.ttftP50Ms.toFixed(0),
    cell.ttftP99Ms.toFixed(0),
    whole(uncachedTokens[0] ?? 0),
    whole(uncachedTokens.at(-1) ?? 0),
    unevenness(cell).toFixed(2),
    correctText(correct, sent),
  ]
}

/** Never rounds up to 100. */
function correctText(correct: number, sent: number): string {
  return correct === sent ? '100' : (Math.floor((10_000 * correct) / sent) / 100).toFixed(2)
}
