/** Replaces the table of a document, between two marker lines. Pure. */

/** Documents written for the former name of the bench have `peers` in the markers. */
const MARKED = /(<!-- (?:routers|peers): begin -->)[^]*(<!-- (?:routers|peers): end -->)/

/** @throws Error when the document has no markers. */
export function withTable(document: string, table: string): string {
  if (!MARKED.test(document))
    throw new Error(
      'The document needs a line "<!-- routers: begin -->" and after it a line "<!-- routers: end -->"',
    )
  return document.replace(MARKED, (_, begin: string, end: string) => `${begin}\n\n${table}\n\n${end}`)
}
