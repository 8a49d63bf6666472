/** Replaces the table of a document, between two marker lines. Pure. */

/**
 * `names` are those that the markers may have: the first, or former ones. @throws Error when the document has no markers.
 */
export function withTable(document: string, table: string, names: readonly string[]): string {
  const name = `(?:${names.join('|')})`
  const marked = new RegExp(`(<!-- ${name}: begin -->)[^]*(<!-- ${name}: end -->)`)
  if (!marked.test(document))
    throw new Error(
      `The document needs a line "<!-- ${names[0]}: begin -->" and after it a line "<!-- ${names[0]}: end -->"`,
    )
  return document.replace(marked, (_, begin: string, end: string) => `${begin}\n\n${table}\n\n${end}`)
}
