/**
 * Finds the chunks of a chunked body (RFC 9112 section 7.1) in place. Hot path: the usual read of a stream is one
 * whole chunk, and a parser that may be anywhere in a response costs several times as much.
 *
 * A parser that stands between two chunks stands before a size, or before the line end of the chunk before: servers
 * send that with its chunk, or with the next one. So there are two ways to cut a body into equal pieces:
 *
 *   before a size       size CRLF data CRLF  ·  size CRLF data CRLF  ·
 *   before a line end                        ·  CRLF size CRLF data  ·  CRLF size CRLF data  ·
 *
 * Knows plain chunks only. What is not one (an extension, a last chunk, a part) is for the HTTP parser to judge.
 */
const CR = 0x0d
const LF = 0x0a
/** A size of more digits is no read's. */
const MAX_DIGITS = 7

/** Where a parser stands. `elsewhere`: not known to be between two chunks. */
export type Boundary = 'before-size' | 'before-line-end' | 'elsewhere'

/** Holds what was found last, so that nothing is made for a chunk. */
export class ChunkCursor {
  /** Where the data starts. */
  from = 0
  /** Where the data ends. */
  to = 0
  /** Where a parser that has read the piece stands: at the same place as before it. */
  next = 0

  /** Whether a whole piece with data starts at `at` and ends by `end`. */
  find(bytes: Uint8Array, at: number, end: number, place: Boundary): boolean {
    if (place === 'elsewhere') return false
    const isLed = place === 'before-line-end'
    if (isLed && !isLineEnd(bytes, at)) return false
    if (!this.#findChunk(bytes, isLed ? at + 2 : at, isLed ? end : end - 2)) return false
    this.next = isLed ? this.to : this.to + 2
    return isLed || isLineEnd(bytes, this.to)
  }

  /** `end` bounds the data. */
  #findChunk(bytes: Uint8Array, at: number, end: number): boolean {
    let size = 0
    let line = at
    for (let digit = hexDigit(bytes[line]); digit >= 0; digit = hexDigit(bytes[++line]))
      size = size * 16 + digit
    this.from = line + 2
    this.to = this.from + size
    return size > 0 && line - at <= MAX_DIGITS && this.to <= end && isLineEnd(bytes, line)
  }
}

/**
 * Where a parser stands that was given `bytes` and found the data `[from, to)` of a chunk last, with nothing after it
 * but what is not data. `from` is after the start of `bytes` when the chunk's size line came with them.
 */
export function boundaryAfter(bytes: Uint8Array, from: number, to: number): Boundary {
  // Data that ends early: the parser has seen the chunk's end there, not just the end of what it had.
  if (to === bytes.length - 2) return 'before-size'
  return to === bytes.length && sizeBefore(bytes, from) === to - from ? 'before-line-end' : 'elsewhere'
}

/** The size on the line that ends right before `from`; -1 when the line is not whole, or has more than a size. */
function sizeBefore(bytes: Uint8Array, from: number): number {
  if (from < 2 || !isLineEnd(bytes, from - 2)) return -1
  let size = 0
  let at = from - 3
  for (let weight = 1, digit = hexDigit(bytes[at]); digit >= 0; digit = hexDigit(bytes[--at]), weight *= 16) {
    size += digit * weight
  }
  return bytes[at] === LF ? size : -1
}

function isLineEnd(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === CR && bytes[at + 1] === LF
}

/** -1: not a digit. */
function hexDigit(byte: number | undefined): number {
  if (byte === undefined) return -1
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const letter = byte | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}
