/**
 * Finds the members of a JSON object and the elements of a JSON array as byte ranges. Hot path: large bodies are never
 * parsed.
 *
 * One level is validated strictly: structure, commas, colons, literals, numbers. In nested values only brackets and the
 * ends of strings are checked. UTF-8 is not validated.
 */
import { asBuffer, BYTE } from './bytes.ts'
import { JsonLimitError, JsonSyntaxError } from './errors.ts'
import { KeyCache } from './key-cache.ts'
import { kindAt, skipSpace, skipString, skipValue, type ValueKind } from './skip.ts'

/** The bytes `[start, end)`. */
export interface Range {
  readonly start: number
  readonly end: number
}

export interface ScannedValue extends Range {
  readonly kind: ValueKind
}

export interface Member {
  /** The key without quotes, escapes decoded; empty if it is longer than any that the gateway knows. */
  readonly key: string
  /** The member spans from the opening quote of its key to the end of its value. */
  readonly memberStart: number
  readonly memberEnd: number
  readonly valueStart: number
  readonly valueEnd: number
  readonly kind: ValueKind
}

export interface ScannedObject {
  readonly members: readonly Member[]
  /** Position after the closing brace. */
  readonly end: number
}

export interface ScannedArray {
  readonly elements: readonly ScannedValue[]
  /** Position after the closing bracket. */
  readonly end: number
}

/** More than the longest key that the gateway knows takes if each of its characters is escaped. */
const MAX_KEY_BYTES = 1024
const UNREAD_KEY = ''
const KEYS = new KeyCache(decodeString)

/**
 * Scans the object that begins at `start`, or after white space from there.
 *
 * @throws {JsonSyntaxError} if the bytes are not a JSON object
 * @throws {JsonLimitError} if it has more than `maxMembers` members
 */
export function scanObject(bytes: Uint8Array, start: number, maxMembers = Infinity): ScannedObject {
  const buffer = asBuffer(bytes)
  const members: Member[] = []
  let index = skipSpace(buffer, start)
  if (buffer[index] !== BYTE.openBrace)
    throw new JsonSyntaxError(index, "expected an object starting with '{'")
  index = skipSpace(buffer, index + 1)
  if (buffer[index] === BYTE.closeBrace) return { members, end: index + 1 }
  for (;;) {
    const member = scanMember(buffer, index)
    if (members.push(member) > maxMembers)
      throw new JsonLimitError(`an object has more than ${maxMembers} members (limits.members)`)
    index = skipSpace(buffer, member.memberEnd)
    if (buffer[index] === BYTE.closeBrace) return { members, end: index + 1 }
    if (buffer[index] !== BYTE.comma) throw new JsonSyntaxError(index, "expected ',' or '}'")
    index = skipSpace(buffer, index + 1)
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
  const key = keyEnd - start > MAX_KEY_BYTES ? UNREAD_KEY : KEYS.textOf(buffer, start, keyEnd)
  return { key, memberStart: start, memberEnd: valueEnd, valueStart, valueEnd, kind }
}

/**
 * Scans the array that begins at `start`, or after white space from there.
 *
 * @throws {JsonSyntaxError} if the bytes are not a JSON array
 * @throws {JsonLimitError} if it has more than `maxElements` elements
 */
export function scanArray(bytes: Uint8Array, start: number, maxElements = Infinity): ScannedArray {
  const buffer = asBuffer(bytes)
  const elements: ScannedValue[] = []
  let index = skipSpace(buffer, start)
  if (buffer[index] !== BYTE.openBracket)
    throw new JsonSyntaxError(index, "expected a list starting with '['")
  index = skipSpace(buffer, index + 1)
  if (buffer[index] === BYTE.closeBracket) return { elements, end: index + 1 }
  for (;;) {
    const kind = kindAt(buffer, index)
    const end = skipValue(buffer, index, kind)
    if (elements.push({ kind, start: index, end }) > maxElements)
      throw new JsonLimitError(`a list has more than ${maxElements} elements (limits.prompts)`)
    index = skipSpace(buffer, end)
    if (buffer[index] === BYTE.closeBracket) return { elements, end: index + 1 }
    if (buffer[index] !== BYTE.comma) throw new JsonSyntaxError(index, "expected ',' or ']'")
    index = skipSpace(buffer, index + 1)
  }
}

/**
 * Decodes the JSON string at `range`, which includes the quotes.
 *
 * @throws {JsonSyntaxError} if an escape is invalid
 */
export function decodeString(bytes: Uint8Array, range: Range): string {
  const buffer = asBuffer(bytes)
  const text = buffer.toString('utf8', range.start + 1, range.end - 1)
  if (!text.includes('\\')) return text
  try {
    return String(JSON.parse(`"${text}"`))
  } catch {
    throw new JsonSyntaxError(range.start, 'invalid escape in a string')
  }
}

/**
 * The value at a path of keys and indexes such as `['choices', 0, 'text']`; `undefined` if it does not exist. If a key
 * occurs more than once, the last one counts, as in JSON parsers.
 *
 * @throws {JsonSyntaxError} if the bytes on the path are not JSON
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
  const member = scanObject(buffer, object.start).members.findLast(candidate => candidate.key === key)
  return member && { kind: member.kind, start: member.valueStart, end: member.valueEnd }
}
