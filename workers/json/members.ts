/** Reads single values from scanned members. */
import { decodeString, type Member, type Range } from './scan.ts'

/** The member with the given key. If the key occurs more than once, the last one, which engines use too. */
export function lastMember(members: readonly Member[], key: string): Member | undefined {
  for (let index = members.length - 1; index >= 0; index--) {
    const member = members[index]
    if (member?.key === key) return member
  }
  return undefined
}

/** The decoded string; `undefined` if the value is missing or not a string. */
export function stringAt(
  bytes: Buffer,
  value: Pick<Member, 'kind' | 'valueStart' | 'valueEnd'> | undefined,
): string | undefined {
  if (value?.kind !== 'string') return undefined
  return decodeString(bytes, { start: value.valueStart, end: value.valueEnd })
}

/** The value, if it is a whole number of 0 or more; `undefined` if it is missing or null, else -1. */
export function indexAt(
  bytes: Buffer,
  value: Pick<Member, 'kind' | 'valueStart' | 'valueEnd'> | undefined,
): number | undefined {
  if (value === undefined || value.kind === 'null') return undefined
  return indexOf(textAt(bytes, { start: value.valueStart, end: value.valueEnd }))
}

/** The number that the text is, if that is a whole number of 0 or more; else -1. */
export function indexOf(text: string): number {
  return /^\d{1,9}$/.test(text) ? Number(text) : -1
}

/** The raw text of a number or literal. */
export function textAt(bytes: Buffer, range: Range): string {
  return bytes.toString('latin1', range.start, range.end)
}
