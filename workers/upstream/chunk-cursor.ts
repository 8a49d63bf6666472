/**
 * Finds whole chunks of a chunked body (RFC 9112 section 7.1) without an HTTP parser, for `lean-socket.ts`. Hot path:
 * a read of a token stream is usually exactly one chunk, and the parser costs several times as much for it.
 *
 * A parser that is between two chunks is in one of two states: it expects either the size of the next chunk, or the
 * line end of the previous one. Most servers send that line end together with its chunk, uWebSockets.js with the next
 * chunk. So there are two ways to divide a body into pieces after which the parser is in the same state as before:
 *
 *   before-size        size CRLF data CRLF  |  size CRLF data CRLF  |
 *   before-line-end                         |  CRLF size CRLF data  |  CRLF size CRLF data  |
 *
 * Recognizes plain chunks only. Everything else (a chunk extension, the last chunk, an incomplete chunk, a syntax error)
 * is not found here and goes to the parser.
 */
const CR = 0x0d
const LF = 0x0a
/** No chunk in a 64 KiB read needs more hexadecimal digits. */
const MAX_DIGITS = 7

/** What the parser expects next. `unknown`: it may be inside a chunk or a head. */
export type Boundary = 'before-size' | 'before-line-end' | 'unknown'

/** Holds the piece found last in its fields, so that no object is allocated per chunk. */
export class ChunkCursor {
  dataStart = 0
  dataEnd = 0
  /** End of the piece; the parser's state there is the same as at the start of the piece. */
  pieceEnd = 0

  /** Whether a whole piece starts at `start` and ends at or before `end`, given the state of the parser at `start`. */
  find(bytes: Uint8Array, start: number, end: number, boundary: Boundary): boolean {
    if (boundary === 'unknown') return false
    const lineEndFirst = boundary === 'before-line-end'
    if (lineEndFirst && !isLineEnd(bytes, start)) return false
    if (!this.#findChunk(bytes, lineEndFirst ? start + 2 : start, lineEndFirst ? end : end - 2)) return false
    this.pieceEnd = lineEndFirst ? this.dataEnd : this.dataEnd + 2
    return lineEndFirst || isLineEnd(bytes, this.dataEnd)
  }

  /** Finds `size CRLF data`; the data must end at or before `maxEnd`. */
  #findChunk(bytes: Uint8Array, start: number, maxEnd: number): boolean {
    let size = 0
    let index = start
    for (let digit = hexDigit(bytes[index]); digit >= 0; digit = hexDigit(bytes[++index]))
      size = size * 16 + digit
    this.dataStart = index + 2
    this.dataEnd = this.dataStart + size
    return size > 0 && index - start <= MAX_DIGITS && this.dataEnd <= maxEnd && isLineEnd(bytes, index)
  }
}

/**
 * The parser's state after it has consumed all of `bytes`, inferred from the last data that it reported,
 * `bytes[start, end)`. `start` is negative or 0 if the size line was in an earlier read.
 */
export function boundaryAfter(bytes: Uint8Array, start: number, end: number): Boundary {
  // The parser reports data up to the end of the chunk or of `bytes`, whichever comes first. Data that ends two bytes
  // early therefore ends its chunk, and the two bytes are the chunk's line end.
  if (end === bytes.length - 2) return 'before-size'
  // Data that ends with `bytes` may be incomplete. It is complete if the size line is in `bytes` and says so.
  return end === bytes.length && sizeBefore(bytes, start) === end - start ? 'before-line-end' : 'unknown'
}

/** The size on the line that ends just before `end`; -1 if the line is incomplete or holds more than a size. */
function sizeBefore(bytes: Uint8Array, end: number): number {
  if (end < 2 || !isLineEnd(bytes, end - 2)) return -1
  let size = 0
  let index = end - 3
  for (
    let weight = 1, digit = hexDigit(bytes[index]);
    digit >= 0;
    digit = hexDigit(bytes[--index]), weight *= 16
  ) {
    size += digit * weight
  }
  return bytes[index] === LF ? size : -1
}

function isLineEnd(bytes: Uint8Array, index: number): boolean {
  return bytes[index] === CR && bytes[index + 1] === LF
}

/** The value of a hexadecimal digit; -1 for any other byte. */
function hexDigit(byte: number | undefined): number {
  if (byte === undefined) return -1
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const letter = byte | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}
