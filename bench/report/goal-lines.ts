/** What a bench expects of the gateway, and whether it was met, as text. Pure. */

export interface Goal {
  readonly text: string
  readonly measured: string
  readonly isMet: boolean
}

export function goalLines(goals: readonly Goal[]): readonly string[] {
  return goals.map(({ text, measured, isMet }) => `${isMet ? 'met' : 'MISSED'}: ${text} (${measured})`)
}

/** A Markdown list. */
export function bulleted(lines: readonly string[]): string {
  return lines.map(line => `- ${line}`).join('\n')
}
