/** Reads single values out of scanned members. */
import { decodeString, type Member, type Range } from './scan.ts'

/** The member with the key; of several the last, which is the one that engines see. */
export function lastMember(members: readonly Member[], key: string): Member | undefined {
  for (let at = members.length - 1; at >= 0; at--) {
    const member = members[at]
    if (member?.key === key) return member
  }
  return undefined
}

/** The value as text; `undefined` when it is no string. */
export function stringAt(
  bytes: Buffer,
  value: Pick<Member, 'kind' | 'valueStart' | 'valueEnd'> | undefined,
): string | undefined {
  if (value?.kind !== 'string') return undefined
  return decodeString(bytes, { start: value.valueStart, end: value.valueEnd })
}

/** The raw text of a number or literal. */
export function textAt(bytes: Buffer, range: Range): string {
  return bytes.toString('latin1', range.start, range.end)
}
