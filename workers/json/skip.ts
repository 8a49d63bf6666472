/**
 * Finds the end of a JSON value without parsing it. Hot path: long strings and flat lists of numbers are skipped at the
 * speed of memchr, and only the stack of open brackets is allocated.
 *
 * Numbers and literals are validated if they are the value itself. Inside a nested value only brackets and the ends of
 * strings are checked, because the engine parses the whole body anyway.
 */
import { closeBracket, isOpening, openBracket } from './brackets.ts'
import { BYTE, isDigit, isSpace } from './bytes.ts'
import { JsonLimitError, JsonSyntaxError } from './errors.ts'
import { isStructure, PLAIN_BYTES, plainEnd } from './plain-bytes.ts'
import { knownEnd, spend } from './scan-context.ts'

export type ValueKind = 'string' | 'number' | 'object' | 'array' | 'true' | 'false' | 'null'

/** Bytes examined in one run before they are counted. */
const RUN_BYTES = 65_536

/** Of one number. */
const MAX_DIGITS = 4096

/**
 * Bytes of a string that are checked one by one, from its start and after each escape, before memchr takes over. Where
 * escapes are dense, as in source code, one memchr call per quote would cost more.
 */
const SHORT_STRING_BYTES = 48

export function skipSpace(bytes: Buffer, start: number): number {
  if (!isSpace(bytes[start])) return start
  let index = knownEnd(bytes, start) ?? start
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
      return knownEnd(bytes, start) ?? skipNested(bytes, start)
    case 'true':
    case 'false':
    case 'null':
      return skipLiteral(bytes, start, kind)
  }
}

/** `start` is the opening quote. Escapes and control characters in the string are not validated. */
export function skipString(bytes: Buffer, start: number): number {
  const end = knownEnd(bytes, start)
  if (end !== undefined) return end
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
  while (isDigit(bytes[index])) {
    if (++index - start > MAX_DIGITS) throw new JsonLimitError(`a number has more than ${MAX_DIGITS} digits`)
  }
  return index
}

function skipNested(bytes: Buffer, start: number): number {
  const open: number[] = []
  let uncounted = 0
  for (let index = start; ; index++) {
    const plainStart = index
    index = skipPlain(bytes, index)
    uncounted += Math.min(index - plainStart, PLAIN_BYTES) + 1
    if (uncounted >= RUN_BYTES) uncounted = spendAll(uncounted)
    const byte = bytes[index]
    if (byte === undefined) throw new JsonSyntaxError(start, 'unclosed bracket')
    if (byte === BYTE.quote) index = skipString(bytes, index) - 1
    else if (isOpening(byte)) openBracket(open, byte, index)
    else {
      closeBracket(open, byte, index)
      if (open.length > 0) continue
      spend(uncounted)
      return index + 1
    }
  }
}

/** The position of the next quote or bracket, or the end of the text. */
function skipPlain(bytes: Buffer, start: number): number {
  const limit = Math.min(start + PLAIN_BYTES, bytes.length)
  for (let index = start; index < limit; index++) if (isStructure(bytes[index])) return index
  return limit < bytes.length ? plainEnd(bytes, limit, bytes.length) : limit
}

/** Returns the number of bytes that are not counted any more. */
function spendAll(bytes: number): number {
  spend(bytes)
  return 0
}
