/**
 * What applies to all scans of one JSON text: how many bytes may be examined, and what is known of the text already. Set for
 * the duration of a call instead of being passed through every function, because most texts are small and have neither.
 */
import { JsonLimitError, JsonSyntaxError } from './errors.ts'

/** Where large values of a text end. Built by `value-index.ts`. */
export interface KnownEnds {
  /** The text. Scans may be given a view of a part of it. */
  readonly bytes: Uint8Array
  /** From the position of the first byte to that after the last one; -1 if the value has no end. */
  readonly ends: ReadonlyMap<number, number>
  /** Why values have no end. */
  readonly failure: JsonSyntaxError | undefined
}

let known: readonly KnownEnds[] | undefined

/**
 * Bytes that may still be examined one by one. A scan cannot be interrupted, and one of a large body that consists of
 * short values would stop its thread.
 */
let bytesLeft = Infinity

/**
 * Runs `scan`, which may examine `maxBytes` one by one. What is found by searching, such as the end of a long string or
 * of a list of numbers, does not count.
 *
 * @throws {JsonLimitError} if it would examine more
 */
export function withScanLimit<T>(maxBytes: number, scan: () => T): T {
  bytesLeft = maxBytes
  try {
    return scan()
  } finally {
    bytesLeft = Infinity
  }
}

/** Runs `scan`, which does not examine those values of the texts whose ends are known. */
export function withKnownEnds<T>(texts: readonly KnownEnds[], scan: () => T): T {
  known = texts.length === 0 ? undefined : texts
  try {
    return scan()
  } finally {
    known = undefined
  }
}

/**
 * The end of the string, list, object or white space that begins at `start`; `undefined` if it must be searched.
 *
 * @throws {JsonSyntaxError} if it is known to have no end
 */
export function knownEnd(bytes: Uint8Array, start: number): number | undefined {
  return known === undefined ? undefined : endIn(known, bytes, start)
}

function endIn(texts: readonly KnownEnds[], bytes: Uint8Array, start: number): number | undefined {
  for (const { bytes: text, ends, failure } of texts) {
    if (text.buffer !== bytes.buffer) continue
    const offset = bytes.byteOffset - text.byteOffset
    if (offset < 0 || offset + bytes.length > text.length) continue
    const end = ends.get(offset + start)
    if (end === -1) throw failure ?? new JsonSyntaxError(start, 'unclosed bracket')
    // A view may end within a value.
    return end === undefined || end - offset > bytes.length ? undefined : end - offset
  }
  return undefined
}

/** Counts bytes that were examined one by one. */
export function spend(bytes: number): void {
  bytesLeft -= bytes
  if (bytesLeft < 0) throw new JsonLimitError('it has too many short or nested values (limits.scanBytes)')
}
