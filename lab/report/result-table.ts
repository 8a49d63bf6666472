/** The table at the end of a lab's run, for a terminal and for a document. Pure. */
import type { LabRun } from './lab.ts'
import type { PartResult } from './part.ts'

const HEAD = ['part', 'cases', 'right', 'wrong', 'seconds']

/** Whether every part that was asked for has run, with at least one check, and no check failed. */
export function isAllRight({ results }: LabRun, parts: readonly string[]): boolean {
  return (
    results.length === parts.length && results.every(({ cases, wrong }) => cases > 0 && wrong.length === 0)
  )
}

/** Head, a row for each part, and a row for all of them. */
export function resultRows(results: readonly PartResult[]): readonly (readonly string[])[] {
  const sum = (value: (result: PartResult) => number): number =>
    results.reduce((total, result) => total + value(result), 0)
  const total = cells(
    'total',
    sum(({ cases }) => cases),
    sum(({ wrong }) => wrong.length),
    sum(({ seconds }) => seconds),
  )
  return [
    HEAD,
    ...results.map(({ part, cases, wrong, seconds }) => cells(part, cases, wrong.length, seconds)),
    total,
  ]
}

/** The table as Markdown, under a line with date, machine and versions. */
export function markdownOf({ versions, results, table }: LabRun, about: string): string {
  const names = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  const [head = [], ...rows] = table ?? resultRows(results)
  return [
    `${about}: ${names.join(', ')}.`,
    '',
    markdownRow(head),
    markdownRow(head.map((_, column) => (column === 0 ? '---' : '---:'))),
    ...rows.map(markdownRow),
  ].join('\n')
}

function cells(name: string, cases: number, wrong: number, seconds: number): string[] {
  return [name, ...[cases, cases - wrong, wrong, seconds].map(value => String(Math.round(value)))]
}

function markdownRow(row: readonly string[]): string {
  return `| ${row.join(' | ')} |`
}
