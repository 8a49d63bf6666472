/** The tables of a page. Pure. */
import { figure, interval, percent, whole } from '../figures.ts'
import type { Distribution, Level, Report } from '../schema.ts'
import { html, type Markup } from './markup.ts'

const PERCENTILES = ['mean', 'p50', 'p90', 'p95', 'p99', 'p999', 'max'] as const
const HEADS = ['ms', 'mean', 'p50', 'p90', 'p95', 'p99', 'p99.9', 'max']

export interface Cell {
  readonly text: string | Markup
  readonly kind?: 'text' | 'good' | 'bad' | ''
}

/** The first cell of a row is its head. */
export function table(
  heads: readonly (string | Markup)[],
  rows: readonly (readonly (string | Cell)[])[],
): Markup {
  const isText = (column: number) => rows.some(row => kindOf(row[column] ?? '') === 'text')
  const headCells = heads.map(
    (head, column) => html`<th scope="col" class="${isText(column) ? 'text' : ''}">${head}</th>`,
  )
  return html`<div class="scroll"><table><thead><tr>${headCells}</tr></thead><tbody>
${rows.map(rowMarkup)}</tbody></table></div>
`
}

export function timesTable(level: Level): Markup {
  const named: readonly (readonly [string, Distribution | null])[] = [
    ['latency (E2E)', level.latencyMs],
    ['latency from schedule', level.latencyFromScheduleMs],
    ['TTFT', level.ttftMs],
    ['TTFT from schedule', level.ttftFromScheduleMs],
    ['TPOT', level.tpotMs],
    ['ITL', level.itlMs],
  ]
  return table(
    HEADS,
    named.flatMap(([name, times]) => (times === null ? [] : [timesRow(name, times)])),
  )
}

export function failuresTable(levels: readonly Level[]): Markup {
  const rows = levels.flatMap(({ name, failures }) =>
    Object.entries(failures).map(failure => failureRow(levels.length === 1 ? [] : [name], failure)),
  )
  const heads = ['failure', 'requests', 'when', 'example']
  return table(levels.length === 1 ? heads : ['level', ...heads], rows)
}

export function expectationsTable(expectations: Report['expectations']): Markup {
  const rows = expectations.map(({ name, measured, expected, holds }): (string | Cell)[] => [
    name,
    { text: holds ? 'met' : 'not met', kind: holds ? 'good' : 'bad' },
    measured,
    expected,
  ])
  return table(['expectation', '', 'measured', 'expected'], rows)
}

export function levelsTable(levels: readonly Level[]): Markup {
  const heads =
    'level,correct,requests/s,tokens/s,TTFT p50 ms,TTFT p99 ms,latency p50 ms,latency p99 ms,failed,refused'
  return table(heads.split(','), levels.map(levelRow))
}

function timesRow(name: string, times: Distribution): readonly string[] {
  return [name, ...PERCENTILES.map(percentile => figure(times[percentile]))]
}

function failureRow(
  where: readonly string[],
  [kind, { count, example, firstSeconds, lastSeconds }]: readonly [string, Level['failures'][string]],
): readonly (string | Cell)[] {
  const when = interval(firstSeconds, lastSeconds)
  return [...where, kind, whole(count), when, { text: example, kind: 'text' }]
}

function levelRow(level: Level): readonly (string | Cell)[] {
  const { requests, ttftMs, latencyMs } = level
  return [
    level.wasInterrupted ? `${level.name} (interrupted)` : level.name,
    { text: percent(level.successPercent), kind: successKind(level.successPercent) },
    figure(level.requestsPerSecond),
    figure(level.outputTokensPerSecond),
    timeOf(ttftMs, 'p50'),
    timeOf(ttftMs, 'p99'),
    timeOf(latencyMs, 'p50'),
    timeOf(latencyMs, 'p99'),
    whole(requests.failed),
    whole(requests.refused),
  ]
}

function successKind(success: number | null): 'good' | 'bad' | '' {
  if (success === null) return ''
  return success === 100 ? 'good' : 'bad'
}

function rowMarkup([head = '', ...cells]: readonly (string | Cell)[]): Markup {
  const rest = cells.map(cell => html`<td class="${kindOf(cell)}">${textOf(cell)}</td>`)
  return html`<tr><th scope="row">${textOf(head)}</th>${rest}</tr>
`
}

function kindOf(cell: string | Cell): string {
  return typeof cell === 'string' ? '' : (cell.kind ?? '')
}

function textOf(cell: string | Cell): string | Markup {
  return typeof cell === 'string' ? cell : cell.text
}

function timeOf(times: Distribution | null, which: 'p50' | 'p99'): string {
  return times === null ? '–' : figure(times[which])
}
