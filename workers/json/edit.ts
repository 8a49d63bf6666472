/** Replaces byte ranges of a text by other bytes. Everything else stays as it is, byte by byte. */
import { asBuffer } from './bytes.ts'

export interface Edit {
  readonly start: number
  /** Equal to `start` for an insertion. */
  readonly end: number
  readonly replacement: Uint8Array
}

/**
 * `bytes` with all edits made, in a buffer of its own. The edits may come in any order; of two at one place the
 * first given comes first.
 *
 * @throws {RangeError} edits overlap or lie outside
 */
export function applyEdits(bytes: Uint8Array, edits: readonly Edit[]): Buffer {
  const source = asBuffer(bytes)
  const sorted = edits.toSorted((left, right) => left.start - right.start || left.end - right.end)
  let length = source.length
  for (const edit of sorted) length += edit.replacement.length - (edit.end - edit.start)
  const out = Buffer.allocUnsafe(Math.max(0, length))
  let from = 0
  let to = 0
  for (const edit of sorted) {
    if (edit.start < from || edit.end < edit.start || edit.end > source.length) {
      throw new RangeError(`edit ${edit.start}..${edit.end} overlaps another or lies outside`)
    }
    to += source.copy(out, to, from, edit.start)
    out.set(edit.replacement, to)
    to += edit.replacement.length
    from = edit.end
  }
  source.copy(out, to, from)
  return out
}
