/**
 * Finds the end of a JSON value without parsing it. Hot path: long strings and flat lists of numbers are skipped at the
 * speed of memchr, and only the stack of open brackets is allocated.
 *
 * Numbers and literals are validated if they are the value itself. Inside a nested value only brackets and the ends of
 * strings are checked, because the engine parses the whole body anyway.
 */
import { BYTE, isDigit, isSpace } from './bytes.ts'

export type ValueKind = 'string' | 'number' | 'object' | 'array' | 'true' | 'false' | 'null'

/** The message says what was expected; `position` is the offset in bytes. */
export class JsonSyntaxError extends Error {
  override readonly name = 'JsonSyntaxError'
  readonly position: number

  constructor(position: number, message: string) {
    super(message)
    this.position = position
  }
}

/** The JSON has more members or elements than the caller allows. */
export class JsonLimitError extends Error {
  override readonly name = 'JsonLimitError'
}

/**
 * Bytes that may still be examined one by one. A scan cannot be interrupted, and one of a large body that consists of
 * short values would stop its thread for seconds.
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

function spend(bytes: number): void {
  bytesLeft -= bytes
  if (bytesLeft < 0) throw new JsonLimitError('it has too many short or nested values (limits.scanBytes)')
}

/** Bytes examined in one run before they are counted. */
const RUN_BYTES = 65_536

/** Bounds the stack. No engine's parser accepts deeper nesting. */
const MAX_DEPTH = 65_536

/**
 * Bytes of a string that are checked one by one, from its start and after each escape, before memchr takes over. Where
 * escapes are dense, as in source code, one memchr call per quote would cost more.
 */
const SHORT_STRING_BYTES = 48

export function skipSpace(bytes: Buffer, start: number): number {
  let index = start
  for (let run = start + RUN_BYTES; isSpace(bytes[index]); index++) {
    if (index < run) continue
    spend(RUN_BYTES)
    run += RUN_BYTES
  }
  return index
}

/** The kind of the value that begins at `index`. */
export function kindAt(bytes: Buffer, index: number): ValueKind {
  const byte = bytes[index]
  switch (byte) {
    case BYTE.quote:
      return 'string'
    case BYTE.openBrace:
      return 'object'
    case BYTE.openBracket:
      return 'array'
    case 0x74:
      return 'true'
    case 0x66:
      return 'false'
    case 0x6e:
      return 'null'
    case undefined:
      throw new JsonSyntaxError(index, 'expected a value, but the text ends')
    default:
      if (isDigit(byte) || byte === BYTE.minus) return 'number'
      throw new JsonSyntaxError(index, 'expected a value')
  }
}

/** The position after the value of this kind that begins at `start`. */
export function skipValue(bytes: Buffer, start: number, kind: ValueKind): number {
  switch (kind) {
    case 'string':
      return skipString(bytes, start)
    case 'number':
      return skipNumber(bytes, start)
    case 'object':
    case 'array':
      return skipNested(bytes, start)
    case 'true':
    case 'false':
    case 'null':
      return skipLiteral(bytes, start, kind)
  }
}

/** `start` is the opening quote. Escapes and control characters in the string are not validated. */
export function skipString(bytes: Buffer, start: number): number {
  let index = start + 1
  for (;;) {
    const runStart = index
    let limit = Math.min(index + SHORT_STRING_BYTES, bytes.length)
    for (; index < limit; index++) {
      const byte = bytes[index]
      if (byte === BYTE.quote) {
        spend(index - runStart)
        return index + 1
      }
      if (byte !== BYTE.backslash) continue
      index++
      limit = Math.min(index + SHORT_STRING_BYTES, bytes.length)
    }
    spend(index - runStart)
    const quote = bytes.indexOf(BYTE.quote, index)
    if (quote < 0) throw new JsonSyntaxError(start, 'unterminated string')
    if (!isEscaped(bytes, quote, index)) return quote + 1
    index = quote + 1
  }
}

/** Whether an odd number of backslashes precedes `quote`, counting back to `floor` at most. */
function isEscaped(bytes: Buffer, quote: number, floor: number): boolean {
  let index = quote
  while (index > floor && bytes[index - 1] === BYTE.backslash) index--
  return ((quote - index) & 1) === 1
}

function skipLiteral(bytes: Buffer, start: number, literal: string): number {
  for (let index = 0; index < literal.length; index++) {
    if (bytes[start + index] !== literal.charCodeAt(index)) {
      throw new JsonSyntaxError(start, `expected ${literal}`)
    }
  }
  return start + literal.length
}

function skipNumber(bytes: Buffer, start: number): number {
  let index = bytes[start] === BYTE.minus ? start + 1 : start
  const hasLeadingZero = bytes[index] === BYTE.zero
  index = hasLeadingZero ? index + 1 : skipDigits(bytes, index)
  if (hasLeadingZero && isDigit(bytes[index]))
    throw new JsonSyntaxError(index, 'expected a number without a leading zero')
  if (bytes[index] === BYTE.dot) index = skipDigits(bytes, index + 1)
  // 0x20 converts a letter to lower case.
  if (((bytes[index] ?? 0) | 0x20) === 0x65) {
    index++
    if (bytes[index] === BYTE.plus || bytes[index] === BYTE.minus) index++
    index = skipDigits(bytes, index)
  }
  return index
}

function skipDigits(bytes: Buffer, start: number): number {
  if (!isDigit(bytes[start])) throw new JsonSyntaxError(start, 'expected a digit')
  let index = start + 1
  while (isDigit(bytes[index])) index++
  if (index - start > RUN_BYTES) throw new JsonLimitError(`a number has more than ${RUN_BYTES} digits`)
  return index
}

function skipNested(bytes: Buffer, start: number): number {
  const open: number[] = []
  // End of the range already searched ahead. Searching it again would make hostile nesting take quadratic time.
  let searchedEnd = -1
  let uncounted = 0
  for (let index = start; index < bytes.length; index++) {
    const byte = bytes[index]
    uncounted = countByte(uncounted)
    if (byte === BYTE.quote) index = skipString(bytes, index) - 1
    if (isClosing(byte)) {
      closeBracket(open, byte, index)
      if (open.length === 0) {
        spend(uncounted)
        return index + 1
      }
    }
    if (byte !== BYTE.openBrace && byte !== BYTE.openBracket) continue
    openBracket(open, byte, index)
    if (index <= searchedEnd || !beginsWithNumber(bytes, index)) continue
    searchedEnd = closingBracket(bytes, index)
    if (isFlat(bytes, index + 1, searchedEnd)) index = searchedEnd - 1
  }
  throw new JsonSyntaxError(start, 'unclosed bracket')
}

/** The number of examined bytes that are not counted yet, with one more. */
function countByte(uncounted: number): number {
  if (uncounted < RUN_BYTES) return uncounted + 1
  spend(uncounted)
  return 1
}

function isClosing(byte: number | undefined): byte is number {
  return byte === BYTE.closeBrace || byte === BYTE.closeBracket
}

function openBracket(open: number[], byte: number, index: number): void {
  if (open.push(byte) > MAX_DEPTH) throw new JsonSyntaxError(index, 'nested too deeply')
}

function closeBracket(open: number[], byte: number, index: number): void {
  // In ASCII the closing bracket is the opening one plus 2.
  if (open.pop() !== byte - 2) throw new JsonSyntaxError(index, 'unexpected closing bracket')
}

function beginsWithNumber(bytes: Buffer, open: number): boolean {
  const first = bytes[skipSpace(bytes, open + 1)]
  return isDigit(first) || first === BYTE.minus
}

function closingBracket(bytes: Buffer, open: number): number {
  const close = bytes.indexOf(BYTE.closeBracket, open)
  if (close < 0) throw new JsonSyntaxError(open, 'unclosed bracket')
  return close
}

/** Whether the bytes from `start` to `close` contain neither strings nor brackets. */
function isFlat(bytes: Buffer, start: number, close: number): boolean {
  const inside = bytes.subarray(start, close)
  return (
    !inside.includes(BYTE.quote) &&
    !inside.includes(BYTE.openBracket) &&
    !inside.includes(BYTE.openBrace) &&
    !inside.includes(BYTE.closeBrace)
  )
}
