/** Edits by path: what stands at a path of a JSON text becomes something else. */
import type { Edit } from './edit.ts'
import { rangeAt } from './scan.ts'

/** One edit, or none where the path leads nowhere. */
export function replaceAt(
  bytes: Buffer,
  path: readonly (string | number)[],
  replacement: Uint8Array,
): Edit[] {
  const range = rangeAt(bytes, path)
  return range === undefined ? [] : [{ start: range.start, end: range.end, replacement }]
}
