/** Reads what tests compare out of our own Markdown files. Not for Markdown in general. */

/** What stands under a heading of any level, up to the next heading. @throws when there is no such heading. */
export function section(text: string, heading: string): string {
  const lines = text.split('\n')
  const start = lines.findIndex(line => /^#+ /.test(line) && line.replace(/^#+ /, '') === heading)
  if (start < 0) throw new RangeError(`there is no heading "${heading}"`)
  const length = lines.slice(start + 1).findIndex(line => /^#+ /.test(line))
  return lines.slice(start + 1, length < 0 ? undefined : start + 1 + length).join('\n')
}

/** Cells of every row of the tables in the text, without the heads. */
export function tableRows(text: string): string[][] {
  const rows = text.split('\n').filter(line => line.startsWith('|'))
  const cells = rows.map(row =>
    row
      .replace(/^\| ?| ?\|$/g, '')
      .split(' | ')
      .map(cell => cell.trim()),
  )
  return cells.filter((_, at) => !isRule(rows[at]) && !isRule(rows[at + 1]))
}

/** What stands in single backticks. */
export function ticked(text: string): string[] {
  return [...text.replaceAll(/^```[\s\S]*?^```$/gm, '').matchAll(/`([^`\n]+)`/g)].map(match => match[1] ?? '')
}

/** All blocks of code, one after the other. */
export function fencedText(text: string): string {
  return [...text.matchAll(/^```\w*\n([\s\S]*?)^```$/gm)].map(match => match[1]).join('\n')
}

function isRule(row: string | undefined): boolean {
  return row !== undefined && /^\| *:?-/.test(row)
}
