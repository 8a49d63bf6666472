/**
 * Reads values of which engines know several spellings. Pydantic, which parses the requests of SGLang and vLLM, also
 * reads `"yes"` and `1` as true, and `2.0`, `"2"`, `"2_0"` and `true` as integers; other parsers do not. What may be read
 * in two ways is refused.
 */
import { GatewayError } from '../../src/core/errors.ts'
import { textAt } from '../json/members.ts'
import type { Member } from '../json/scan.ts'

/** A missing member and null count as false. */
export function isTrue(member: Member | undefined): boolean {
  switch (member?.kind) {
    case 'true':
      return true
    case undefined:
    case 'false':
    case 'null':
      return false
    case 'string':
    case 'number':
    case 'object':
    case 'array':
      throw new GatewayError('invalid-request', `The field ${member.key} must be true or false`)
  }
}

/** `undefined` if the value is missing or null. Integers of more than 19 digits exceed those of every engine. */
export function integerAt(bytes: Buffer, member: Member | undefined): bigint | undefined {
  if (member === undefined || member.kind === 'null') return undefined
  const { key, kind, valueStart, valueEnd } = member
  const text = kind === 'number' ? textAt(bytes, { start: valueStart, end: valueEnd }) : ''
  if (/^-?\d{1,19}$/.test(text)) return BigInt(text)
  throw new GatewayError('invalid-request', `The field ${key} must be an integer`)
}

/**
 * `undefined` if the value is missing or null. Of `"0"` and `false`, which only some engines read as 0, nothing is accepted;
 * numbers that are no integers are left to the engine.
 */
export function numberAt(bytes: Buffer, member: Member | undefined): number | undefined {
  if (member === undefined || member.kind === 'null') return undefined
  const { key, kind, valueStart, valueEnd } = member
  if (kind === 'number') return Number(textAt(bytes, { start: valueStart, end: valueEnd }))
  throw new GatewayError('invalid-request', `The field ${key} must be a number`)
}
