/**
 * Where the members of a JSON object and the elements of a JSON array lie, as byte ranges. Hot path: a large body
 * is never parsed.
 *
 * One level is checked strictly: structure, commas, colons, literals, numbers. Of nested values only brackets and
 * string ends are. UTF-8 is not looked at.
 */
import { asBuffer, BYTE } from './bytes.ts'
import { JsonSyntaxError, kindAt, skipSpace, skipString, skipValue, type ValueKind } from './skip.ts'

export { JsonSyntaxError }

/** Bytes from `start` up to but not including `end`. */
export interface Range {
  readonly start: number
  readonly end: number
}

export interface ScannedValue extends Range {
  readonly kind: ValueKind
}

export interface Member {
  /** Decoded: without quotes, escapes resolved. */
  readonly key: string
  /** From the key's opening quote to the end of the value. */
  readonly memberStart: number
  readonly memberEnd: number
  readonly valueStart: number
  readonly valueEnd: number
  readonly kind: ValueKind
}

export interface ScannedObject {
  readonly members: readonly Member[]
  /** After the closing brace. */
  readonly end: number
}

export interface ScannedArray {
  readonly elements: readonly ScannedValue[]
  /** After the closing bracket. */
  readonly end: number
}

/**
 * The object whose brace is at `start`, or after white space from there.
 *
 * @throws {JsonSyntaxError} what is wrong, and where
 */
export function scanObject(bytes: Uint8Array, start: number): ScannedObject {
  const buffer = asBuffer(bytes)
  const members: Member[] = []
  let at = skipSpace(buffer, start)
  if (buffer[at] !== BYTE.openBrace)
    throw new JsonSyntaxError(at, "expected an object, which begins with '{'")
  at = skipSpace(buffer, at + 1)
  if (buffer[at] === BYTE.closeBrace) return { members, end: at + 1 }
  for (;;) {
    const member = scanMember(buffer, at)
    members.push(member)
    at = skipSpace(buffer, member.memberEnd)
    if (buffer[at] === BYTE.closeBrace) return { members, end: at + 1 }
    if (buffer[at] !== BYTE.comma) throw new JsonSyntaxError(at, "expected ',' or '}'")
    at = skipSpace(buffer, at + 1)
  }
}

function scanMember(buffer: Buffer, start: number): Member {
  if (buffer[start] !== BYTE.quote) throw new JsonSyntaxError(start, 'expected a key in double quotes')
  const keyEnd = skipString(buffer, start)
  const colon = skipSpace(buffer, keyEnd)
  if (buffer[colon] !== BYTE.colon) throw new JsonSyntaxError(colon, "expected ':'")
  const valueStart = skipSpace(buffer, colon + 1)
  const kind = kindAt(buffer, valueStart)
  const valueEnd = skipValue(buffer, valueStart, kind)
  const key = decodeString(buffer, { start, end: keyEnd })
  return { key, memberStart: start, memberEnd: valueEnd, valueStart, valueEnd, kind }
}

/**
 * The array whose bracket is at `start`, or after white space from there.
 *
 * @throws {JsonSyntaxError} what is wrong, and where
 */
export function scanArray(bytes: Uint8Array, start: number): ScannedArray {
  const buffer = asBuffer(bytes)
  const elements: ScannedValue[] = []
  let at = skipSpace(buffer, start)
  if (buffer[at] !== BYTE.openBracket) throw new JsonSyntaxError(at, "expected a list, which begins with '['")
  at = skipSpace(buffer, at + 1)
  if (buffer[at] === BYTE.closeBracket) return { elements, end: at + 1 }
  for (;;) {
    const kind = kindAt(buffer, at)
    const end = skipValue(buffer, at, kind)
    elements.push({ kind, start: at, end })
    at = skipSpace(buffer, end)
    if (buffer[at] === BYTE.closeBracket) return { elements, end: at + 1 }
    if (buffer[at] !== BYTE.comma) throw new JsonSyntaxError(at, "expected ',' or ']'")
    at = skipSpace(buffer, at + 1)
  }
}

/**
 * The text of the JSON string at `range`, quotes included in the range.
 *
 * @throws {JsonSyntaxError} an escape is wrong
 */
export function decodeString(bytes: Uint8Array, range: Range): string {
  const buffer = asBuffer(bytes)
  const text = buffer.toString('utf8', range.start + 1, range.end - 1)
  if (!text.includes('\\')) return text
  try {
    return String(JSON.parse(`"${text}"`))
  } catch {
    throw new JsonSyntaxError(range.start, 'a string with a bad escape')
  }
}

/**
 * The value at a path of keys and list positions, such as `['choices', 0, 'text']`; `undefined` when there is none.
 * Of equal keys the last counts, as in every parser.
 *
 * @throws {JsonSyntaxError} the bytes on the way are not JSON
 */
export function rangeAt(bytes: Uint8Array, path: readonly (string | number)[]): ScannedValue | undefined {
  const buffer = asBuffer(bytes)
  const start = skipSpace(buffer, 0)
  const kind = kindAt(buffer, start)
  let value: ScannedValue | undefined = { kind, start, end: skipValue(buffer, start, kind) }
  for (const step of path) {
    if (value === undefined) return undefined
    value = typeof step === 'number' ? elementOf(buffer, value, step) : memberOf(buffer, value, step)
  }
  return value
}

function elementOf(buffer: Buffer, list: ScannedValue, index: number): ScannedValue | undefined {
  return list.kind === 'array' ? scanArray(buffer, list.start).elements[index] : undefined
}

function memberOf(buffer: Buffer, object: ScannedValue, key: string): ScannedValue | undefined {
  if (object.kind !== 'object') return undefined
  const member = scanObject(buffer, object.start).members.findLast(each => each.key === key)
  return member && { kind: member.kind, start: member.valueStart, end: member.valueEnd }
}
