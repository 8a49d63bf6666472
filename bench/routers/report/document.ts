/** Puts a new table into a document, between the two lines that mark its place. Pure. */

const BEGIN = '<!-- peers: begin -->'
const END = '<!-- peers: end -->'

/** @throws Error when the document has no such place. */
export function withTable(document: string, table: string): string {
  const from = document.indexOf(BEGIN)
  const to = document.indexOf(END)
  if (from < 0 || to < from)
    throw new Error(`the document lacks a line "${BEGIN}" and a line "${END}" after it`)
  return `${document.slice(0, from + BEGIN.length)}\n\n${table}\n\n${document.slice(to)}`
}
