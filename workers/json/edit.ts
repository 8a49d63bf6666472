/** Replaces byte ranges of a JSON text. All other bytes stay exactly as they are. */
import { asBuffer } from './bytes.ts'
import { rangeAt } from './scan.ts'

/** Replaces `[start, end)` with `replacement`; an insertion if both are equal. */
export interface Edit {
  readonly start: number
  readonly end: number
  readonly replacement: Uint8Array
}

/**
 * A copy of `bytes` with all edits applied. The edits may be in any order; those at the same position are applied in the
 * order given.
 *
 * @throws {RangeError} if edits overlap or lie outside `bytes`
 */
export function applyEdits(bytes: Uint8Array, edits: readonly Edit[]): Buffer {
  return Buffer.concat(piecesOf(bytes, edits))
}

/** The same without a copy: views of `bytes` and the replacements, which make up the text in this order. */
export function piecesOf(bytes: Uint8Array, edits: readonly Edit[]): Buffer[] {
  const source = asBuffer(bytes)
  const pieces: Buffer[] = []
  let copied = 0
  for (const edit of edits.toSorted((left, right) => left.start - right.start || left.end - right.end)) {
    if (edit.start < copied || edit.end < edit.start || edit.end > source.length) {
      throw new RangeError(`edit ${edit.start}..${edit.end} overlaps another edit or lies outside the text`)
    }
    if (edit.start > copied) pieces.push(source.subarray(copied, edit.start))
    if (edit.replacement.length > 0) pieces.push(asBuffer(edit.replacement))
    copied = edit.end
  }
  if (copied < source.length) pieces.push(source.subarray(copied))
  return pieces
}

/** Edits that replace the value at a path such as `['choices', 0, 'index']`: one, or none if there is no such value. */
export function replaceAt(
  bytes: Buffer,
  path: readonly (string | number)[],
  replacement: Uint8Array,
): Edit[] {
  const range = rangeAt(bytes, path)
  return range === undefined ? [] : [{ start: range.start, end: range.end, replacement }]
}
