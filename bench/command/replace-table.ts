/** Writes a table into a document that has marker lines for it. */
import { readFileSync, writeFileSync } from 'node:fs'
import { withTable } from '../report/marked-table.ts'

/** `names` as in `withTable`. @throws Error when the document cannot be read or written, or has no markers. */
export function replaceTable(path: string, table: string, names: readonly string[]): void {
  writeFileSync(path, withTable(readFileSync(path, 'utf8'), table, names))
}
