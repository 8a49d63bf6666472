/** Reads what tests compare out of the repository's own Markdown files. Not a general Markdown parser. */

/** The text under a heading of any level, up to the next heading. @throws RangeError if there is no such heading. */
export function section(text: string, heading: string): string {
  const lines = text.split('\n')
  const start = lines.findIndex(line => isHeading(line) && headingText(line) === heading)
  if (start < 0) throw new RangeError(`There is no heading "${heading}"`)
  const length = lines.slice(start + 1).findIndex(isHeading)
  return lines.slice(start + 1, length < 0 ? undefined : start + 1 + length).join('\n')
}

/** The cells of each row of all tables in the text, without the rows of headings. */
export function tableRows(text: string): string[][] {
  return tables(text).flatMap(({ rows }) => rows)
}

export interface Table {
  readonly head: readonly string[]
  readonly rows: string[][]
}

/** All tables in the text, in order. */
export function tables(text: string): Table[] {
  const found: Table[] = []
  const lines = text.split('\n')
  for (const [index, line] of lines.entries()) {
    if (!line.startsWith('|') || isRule(line)) continue
    if (isRule(lines[index + 1])) found.push({ head: cells(line), rows: [] })
    else found.at(-1)?.rows.push(cells(line))
  }
  return found
}

/** The texts in single backticks, without those in code blocks. */
export function ticked(text: string): string[] {
  return [...withoutFences(text).matchAll(/`([^`\n]+)`/g)].map(match => match[1] ?? '')
}

/** All code blocks, joined. */
export function fencedText(text: string): string {
  return [...text.matchAll(/^```\w*\n([\s\S]*?)^```$/gm)].map(match => match[1]).join('\n')
}

/** Targets of the links in the text, without those in code blocks. */
export function links(text: string): string[] {
  return [...withoutFences(text).matchAll(/\]\(([^)\s]+)\)/g)].map(match => match[1] ?? '')
}

/** The anchors that a code host gives to the headings of the text. */
export function anchors(text: string): Set<string> {
  const headings = withoutFences(text).split('\n').filter(isHeading).map(headingText)
  return new Set(
    headings.map(heading =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
}

function withoutFences(text: string): string {
  return text.replaceAll(/^```[\s\S]*?^```$/gm, '')
}

function isHeading(line: string): boolean {
  return /^#+ /.test(line)
}

function headingText(line: string): string {
  return line.replace(/^#+ /, '')
}

function cells(row: string): string[] {
  return row
    .replace(/^\||\|$/g, '')
    .split(/(?<!\\)\|/)
    .map(cell => cell.trim())
}

function isRule(row: string | undefined): boolean {
  return row !== undefined && /^\| *:?-/.test(row)
}
