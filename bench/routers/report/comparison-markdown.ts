/** A comparison of several programs as Markdown: a table with its legend, failures, machine, versions and goals. Pure. */
import { bulleted, type Goal, goalLines } from '../../report/goal-lines.ts'
import type { Machine } from './machine.ts'
import { machineText, versionsText } from './machine-text.ts'

export interface Comparison {
  readonly machine: Machine
  /** Program -> version, or why it is not known. */
  readonly versions: Readonly<Record<string, string>>
  /** The first two columns are names, the others numbers. */
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
  readonly legend: string
  readonly failures: readonly ComparedFailure[]
  readonly goals: readonly Goal[]
}

interface ComparedFailure {
  readonly who: string
  /** Under which loads. */
  readonly where: string
  readonly message: string
}

const MESSAGE_LIMIT = 200

export function comparisonMarkdown({
  machine,
  versions,
  head,
  rows,
  legend,
  failures,
  goals,
}: Comparison): string {
  const lines = [head, head.map((_, column) => (column < 2 ? '---' : '---:')), ...rows]
  const failed = failures.map(({ who, where, message }) => `- ${who} (${where}): ${quoted(message)}`)
  return [
    `${machineText(machine)} ${versionsText(versions)}.`,
    lines.map(cells => `| ${cells.join(' | ')} |`).join('\n'),
    legend,
    failed.length === 0 ? 'Nothing failed.' : `Failures:\n\n${failed.join('\n')}`,
    `Goals of the gateway:\n\n${bulleted(goalLines(goals))}`,
  ].join('\n\n')
}

/** A code span, so that nothing in the message is Markdown. */
function quoted(message: string): string {
  return `\`${message.replaceAll(/[`\s]+/g, ' ').slice(0, MESSAGE_LIMIT)}\``
}
