/** The members of a body that only the gateway may set, and the ranges to remove so that no client sets them. */
import type { Member, Range } from '../json/scan.ts'

/** Values from a client would break the KV transfer between the engines. */
const OWNED: ReadonlySet<string> = new Set([
  'rid',
  'bootstrap_host',
  'bootstrap_port',
  'bootstrap_room',
  'bootstrap_pair_key',
])

const NO_CUTS: readonly Range[] = []

export function isOwned({ key }: Member): boolean {
  return OWNED.has(key)
}

/** Ranges in ascending order, with their commas. */
export function ownedCuts(members: readonly Member[]): readonly Range[] {
  return members.some(isOwned) ? cutsOf(members) : NO_CUTS
}

function cutsOf(members: readonly Member[]): Range[] {
  const cuts: Range[] = []
  let kept: Member | undefined
  let cutStart: number | undefined
  for (const member of members) {
    if (isOwned(member)) {
      cutStart ??= member.memberStart
    } else {
      // The cut ends before the next kept member, so it includes the comma.
      if (cutStart !== undefined) cuts.push({ start: cutStart, end: member.memberStart })
      cutStart = undefined
      kept = member
    }
  }
  const last = members.at(-1)
  if (cutStart !== undefined && last !== undefined) {
    cuts.push({ start: kept?.memberEnd ?? cutStart, end: last.memberEnd })
  }
  return cuts
}
