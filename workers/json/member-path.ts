/** Reads a value by the names of the members that lead to it. Hot path: nothing but the objects on the way is scanned. */
import { JsonLimitError } from './errors.ts'
import { lastMember, stringAt, textAt } from './members.ts'
import { type Member, scanObject } from './scan.ts'

/** Names of members, from the outermost inwards; not empty. */
export type MemberPath = readonly string[]

export interface PathLimits {
  /** Objects with more members are not searched. */
  readonly members: number
  /** Longer values do not count, in bytes. */
  readonly nameBytes: number
}

/**
 * The value of the first path that leads to a number, as it is written, or to a text that is not empty. `members`: those
 * of the outermost object.
 */
export function firstTextAt(
  bytes: Buffer,
  members: readonly Member[],
  paths: readonly MemberPath[],
  limits: PathLimits,
): string | undefined {
  for (const path of paths) {
    const member = memberAt(bytes, members, path, limits.members)
    if (member === undefined || member.valueEnd - member.valueStart - 2 > limits.nameBytes) continue
    const text =
      member.kind === 'number'
        ? textAt(bytes, { start: member.valueStart, end: member.valueEnd })
        : stringAt(bytes, member)
    if (text !== undefined && text !== '') return text
  }
  return undefined
}

function memberAt(
  bytes: Buffer,
  members: readonly Member[],
  path: MemberPath,
  maxMembers: number,
): Member | undefined {
  let inner = members
  let found: Member | undefined
  for (const name of path) {
    if (found !== undefined) inner = membersOf(bytes, found, maxMembers)
    found = lastMember(inner, name)
    if (found === undefined) return undefined
  }
  return found
}

function membersOf(bytes: Buffer, { kind, valueStart }: Member, maxMembers: number): readonly Member[] {
  if (kind !== 'object') return []
  try {
    return scanObject(bytes, valueStart, maxMembers).members
  } catch (error) {
    // Engines take it, so it is no reason to refuse the request.
    if (error instanceof JsonLimitError) return []
    throw error
  }
}
