/** The members of a body that only the gateway may set, and the ranges to remove so that no client sets them. */
import type { Member, Range } from '../json/scan.ts'
import { RANK_KEYS } from './pinned-ranks.ts'

/** Values from a client would break the KV transfer between the engines. */
const OWNED: ReadonlySet<string> = new Set([
  'rid',
  'bootstrap_host',
  'bootstrap_port',
  'bootstrap_room',
  'bootstrap_pair_key',
])

/** Each engine of a pair gets a rank of its own. */
const OWNED_IN_PAIRS: ReadonlySet<string> = new Set([...OWNED, ...RANK_KEYS])

const NO_CUTS: readonly Range[] = []

export interface Ownership {
  /** The member by which engines take the name of the request, if it is another than `rid`. */
  readonly ridKey: string | undefined
  /** Whether separate engines do prefill and decode. */
  readonly isForPairs: boolean
}

export function isOwned({ key }: Member, { ridKey, isForPairs }: Ownership): boolean {
  return key === ridKey || (isForPairs ? OWNED_IN_PAIRS : OWNED).has(key)
}

/** Ranges in ascending order, with their commas. */
export function ownedCuts(members: readonly Member[], ownership: Ownership): readonly Range[] {
  return members.some(member => isOwned(member, ownership)) ? cutsOf(members, ownership) : NO_CUTS
}

function cutsOf(members: readonly Member[], ownership: Ownership): Range[] {
  const cuts: Range[] = []
  let kept: Member | undefined
  let cutStart: number | undefined
  for (const member of members) {
    if (isOwned(member, ownership)) {
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
