/**
 * Where a text that a parser has refused is wrong. For error messages: slow, and only called when there is a fault.
 * `scan.ts` checks one level; here every level is scanned, down to the escapes of the strings.
 */
import { JsonSyntaxError, type Range, rangeAt, type ScannedValue, scanArray, scanObject } from './scan.ts'

const SPACE = 0x20
/** A whole escape, or a backslash that begins none. */
const ESCAPE = /\\(?:(["\\/bfnrt]|u[0-9a-fA-F]{4})|)/g

/** The first fault inside the text's value; `undefined` when there is none. */
export function locateSyntaxError(bytes: Buffer): JsonSyntaxError | undefined {
  try {
    const root = rangeAt(bytes, [])
    if (root !== undefined) walk(bytes, root)
    return undefined
  } catch (fault) {
    if (fault instanceof JsonSyntaxError) return fault
    throw fault
  }
}

function walk(bytes: Buffer, root: ScannedValue): void {
  // A list in place of recursion: the text decides how deep it is nested.
  const open: ScannedValue[] = [root]
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (value.kind === 'string') checkString(bytes, value)
    else if (value.kind === 'object') open.push(...membersOf(bytes, value).toReversed())
    else if (value.kind === 'array') open.push(...scanArray(bytes, value.start).elements.toReversed())
  }
}

function membersOf(bytes: Buffer, object: Range): ScannedValue[] {
  const { members } = scanObject(bytes, object.start)
  return members.map(({ kind, valueStart, valueEnd }) => ({ kind, start: valueStart, end: valueEnd }))
}

function checkString(bytes: Buffer, range: Range): void {
  const at = bytes.subarray(range.start + 1, range.end - 1).findIndex(byte => byte < SPACE)
  if (at >= 0)
    throw new JsonSyntaxError(range.start + 1 + at, 'a control character in a string must be escaped')
  const raw = bytes.toString('latin1', range.start + 1, range.end - 1)
  for (const match of raw.matchAll(ESCAPE)) {
    // Behind the backslash, as parsers count.
    if (match[1] === undefined)
      throw new JsonSyntaxError(range.start + 2 + match.index, 'a bad escape in a string')
  }
}
