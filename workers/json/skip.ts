/**
 * Finds where a JSON value ends without making anything of it. Hot path: long strings and flat number lists are
 * crossed by memchr, and nothing is allocated but the stack of open brackets.
 *
 * Strict for numbers and literals that it is asked for; inside a nested value only brackets and string ends are
 * checked, since the engine parses the whole anyway.
 */
import { BYTE, isDigit, isSpace } from './bytes.ts'

export type ValueKind = 'string' | 'number' | 'object' | 'array' | 'true' | 'false' | 'null'

/** What is wrong with the JSON, and at which byte. */
export class JsonSyntaxError extends Error {
  override readonly name = 'JsonFault'
  readonly position: number

  constructor(position: number, message: string) {
    super(message)
    this.position = position
  }
}

/** Deeper than any engine's parser goes; bounds the stack. */
const MAX_DEPTH = 65_536

/**
 * So many bytes of a string, from its start and from each escape in them, are looked at one by one before memchr takes
 * over: where escapes are dense, as in code, a call for each quote costs more.
 */
const SHORT_STRING = 48

export function skipSpace(bytes: Buffer, start: number): number {
  let at = start
  while (isSpace(bytes[at])) at++
  return at
}

/** The kind of the value that begins at `at`. */
export function kindAt(bytes: Buffer, at: number): ValueKind {
  const byte = bytes[at]
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
      throw new JsonSyntaxError(at, 'a value is missing at the end')
    default:
      if (isDigit(byte) || byte === BYTE.minus) return 'number'
      throw new JsonSyntaxError(at, 'expected a value')
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

/** `start` is at the opening quote. Escapes and control characters inside are not judged. */
export function skipString(bytes: Buffer, start: number): number {
  let at = start + 1
  for (;;) {
    let limit = Math.min(at + SHORT_STRING, bytes.length)
    for (; at < limit; at++) {
      const byte = bytes[at]
      if (byte === BYTE.quote) return at + 1
      if (byte !== BYTE.backslash) continue
      at++
      limit = Math.min(at + SHORT_STRING, bytes.length)
    }
    const quote = bytes.indexOf(BYTE.quote, at)
    if (quote < 0) throw new JsonSyntaxError(start, 'this string has no end')
    if (!isEscaped(bytes, quote, at)) return quote + 1
    at = quote + 1
  }
}

/** Whether an odd number of backslashes stands before `quote`, none of them before `floor`. */
function isEscaped(bytes: Buffer, quote: number, floor: number): boolean {
  let at = quote
  while (at > floor && bytes[at - 1] === BYTE.backslash) at--
  return ((quote - at) & 1) === 1
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
  let at = bytes[start] === BYTE.minus ? start + 1 : start
  const hasLeadingZero = bytes[at] === BYTE.zero
  at = hasLeadingZero ? at + 1 : skipDigits(bytes, at)
  if (hasLeadingZero && isDigit(bytes[at])) throw new JsonSyntaxError(at, 'a number may not begin with 0')
  if (bytes[at] === BYTE.dot) at = skipDigits(bytes, at + 1)
  // 0x20 makes the letter small.
  if (((bytes[at] ?? 0) | 0x20) === 0x65) {
    at++
    if (bytes[at] === BYTE.plus || bytes[at] === BYTE.minus) at++
    at = skipDigits(bytes, at)
  }
  return at
}

function skipDigits(bytes: Buffer, start: number): number {
  if (!isDigit(bytes[start])) throw new JsonSyntaxError(start, 'expected a digit')
  let at = start + 1
  while (isDigit(bytes[at])) at++
  return at
}

function skipNested(bytes: Buffer, start: number): number {
  const open: number[] = []
  // Up to here a look-ahead has read already; a second one would make hostile nesting cost its square.
  let lookedAhead = -1
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at]
    if (byte === BYTE.quote) at = skipString(bytes, at) - 1
    if (isClosing(byte)) {
      closeBracket(open, byte, at)
      if (open.length === 0) return at + 1
    }
    if (byte !== BYTE.openBrace && byte !== BYTE.openBracket) continue
    openBracket(open, byte, at)
    if (at <= lookedAhead || !beginsWithNumber(bytes, at)) continue
    lookedAhead = closingBracket(bytes, at)
    if (isFlat(bytes, at + 1, lookedAhead)) at = lookedAhead - 1
  }
  throw new JsonSyntaxError(start, 'this bracket is not closed')
}

function isClosing(byte: number | undefined): byte is number {
  return byte === BYTE.closeBrace || byte === BYTE.closeBracket
}

function openBracket(open: number[], byte: number, at: number): void {
  if (open.push(byte) > MAX_DEPTH) throw new JsonSyntaxError(at, 'nested too deeply')
}

function closeBracket(open: number[], byte: number, at: number): void {
  // Each closing bracket is its opening one plus 2.
  if (open.pop() !== byte - 2) throw new JsonSyntaxError(at, 'this bracket closes nothing')
}

function beginsWithNumber(bytes: Buffer, open: number): boolean {
  const first = bytes[skipSpace(bytes, open + 1)]
  return isDigit(first) || first === BYTE.minus
}

function closingBracket(bytes: Buffer, open: number): number {
  const close = bytes.indexOf(BYTE.closeBracket, open)
  if (close < 0) throw new JsonSyntaxError(open, 'this bracket is not closed')
  return close
}

/** Whether nothing but plain values can stand from `start` to `close`: no string, no bracket. */
function isFlat(bytes: Buffer, start: number, close: number): boolean {
  const inside = bytes.subarray(start, close)
  return (
    !inside.includes(BYTE.quote) &&
    !inside.includes(BYTE.openBracket) &&
    !inside.includes(BYTE.openBrace) &&
    !inside.includes(BYTE.closeBrace)
  )
}
