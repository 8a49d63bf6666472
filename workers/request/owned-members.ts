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

/** `ridKey`: the member by which engines take the name of the request, if it is another than `rid`. */
export function isOwned({ key }: Member, ridKey: string | undefined): boolean {
  return OWNED.has(key) || key === ridKey
}

/** Ranges in ascending order, with their commas. */
export function ownedCuts(members: readonly Member[], ridKey: string | undefined): readonly Range[] {
  return members.some(member => isOwned(member, ridKey)) ? cutsOf(members, ridKey) : NO_CUTS
}

function cutsOf(members: readonly Member[], ridKey: string | undefined): Range[] {
  const cuts: Range[] = []
  let kept: Member | undefined
  let cutStart: number | undefined
  for (const member of members) {
    if (isOwned(member, ridKey)) {
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
