/** The comparison as text and as Markdown: a table with its legend, failures, machine, versions and goals. Pure. */
import { alignedText } from '../../report/aligned-text.ts'
import { type Goal, goalLines } from '../../report/goal-lines.ts'
import { comparisonMarkdown } from './comparison-markdown.ts'
import { percentText } from './goals.ts'
import type { Machine } from './machine.ts'
import { machineText, versionsText } from './machine-text.ts'
import type { Measured, RouterRow } from './rows.ts'

export interface RoutersReport {
  readonly machine: Machine
  /** Program -> version, or why it is not known. */
  readonly versions: Readonly<Record<string, string>>
  readonly rows: readonly RouterRow[]
  readonly goals: readonly Goal[]
}

const HEAD = [
  'load',
  'router',
  'correct %',
  'req/s',
  'CPU us',
  'per',
  'of Rust',
  'p50 ms',
  'p99 ms',
  'added p50',
  'added p99',
  'RSS MiB',
]

const LEGEND =
  'of Rust: CPU divided by that of sglang-router or smg, whichever needs less. p50, p99: time to the first token of a ' +
  'stream, or to the end of any other response. added: TTFT minus that of the engine without a router.'

export function textReport({ machine, versions, rows, goals }: RoutersReport): string {
  const table = alignedText([HEAD, ...rows.map(cellsOf)])
  const failures = failuresOf(rows).map(
    ({ loads, router, message }) => `${router}, ${loads.join(', ')}: ${message}`,
  )
  const rest = [LEGEND, ...failures, machineText(machine), versionsText(versions), ...goalLines(goals)]
  return `${table}${rest.join('\n')}\n`
}

export function markdownReport({ rows, ...report }: RoutersReport): string {
  const failures = failuresOf(rows).map(({ loads, router, message }) => {
    return { who: router, where: loads.join(', '), message }
  })
  return comparisonMarkdown({ ...report, head: HEAD, rows: rows.map(cellsOf), legend: LEGEND, failures })
}

interface RouterFailure {
  readonly router: string
  readonly message: string
  readonly loads: string[]
}

/** Failures of the routers, with equal ones of several loads merged. */
function failuresOf(rows: readonly RouterRow[]): readonly RouterFailure[] {
  const all: RouterFailure[] = []
  for (const { load, router, message } of rows) {
    if (message === undefined) continue
    const known = all.find(failure => failure.router === router && failure.message === message)
    if (known === undefined) all.push({ router, message, loads: [load] })
    else known.loads.push(load)
  }
  return all
}

function cellsOf({ load, router, unit, measured }: RouterRow): readonly string[] {
  if (measured === undefined) return [load, router, ...HEAD.slice(2).map(() => '-')]
  return [load, router, ...figuresOf(measured, unit)]
}

function figuresOf(measured: Measured, unit: RouterRow['unit']): readonly string[] {
  const { correctPercent, requestsPerSecond, p50Ms, p99Ms, addedP50Ms, addedP99Ms, rssMib, ratio } = measured
  return [
    percentText(correctPercent),
    requestsPerSecond.toFixed(0),
    fixed(measured.costUs, 1),
    unit,
    fixed(ratio, 2),
    p50Ms.toFixed(1),
    p99Ms.toFixed(1),
    fixed(addedP50Ms, 2),
    fixed(addedP99Ms, 2),
    fixed(rssMib, 0),
  ]
}

function fixed(value: number | undefined, digits: number): string {
  return value === undefined ? '-' : value.toFixed(digits)
}
