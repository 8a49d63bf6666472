/** The members of a body that only the gateway may set, and the ranges to remove so that no client sets them. */
import type { Member, Range } from '../json/scan.ts'
import { OWN_RANK_KEYS, RANK_KEYS } from './pinned-ranks.ts'

/** Values from a client would break the KV transfer between the engines. */
const OWNED: ReadonlySet<string> = new Set([
  'rid',
  'bootstrap_host',
  'bootstrap_port',
  'bootstrap_room',
  'bootstrap_pair_key',
])

const IN_PAIRS: ReadonlySet<string> = new Set([...OWNED, ...RANK_KEYS])
const WITH_RANK: ReadonlySet<string> = new Set([...OWNED, ...OWN_RANK_KEYS])

/**
 * Which members are the gateway's. `without-ranks`: data-parallel ranks are left to the client. `with-rank`: the gateway
 * names the rank of the engine. `in-pairs`: it names a rank to each engine of the pair.
 */
export type Ownership = 'without-ranks' | 'with-rank' | 'in-pairs'

const MEMBERS: Readonly<Record<Ownership, ReadonlySet<string>>> = {
  'without-ranks': OWNED,
  'with-rank': WITH_RANK,
  'in-pairs': IN_PAIRS,
}

const NO_CUTS: readonly Range[] = []

/** What remains of a body when the members of the gateway are removed. */
export interface Remainder {
  /** Ranges to remove, in ascending order and with their commas. */
  readonly cuts: readonly Range[]
  /** Whether no member remains, so that the first inserted member needs no comma. */
  readonly isOtherwiseEmpty: boolean
}

/** `ridKey`: the member by which engines take the name of the request, if it is another than `rid`. */
export function remainderOf(
  members: readonly Member[],
  ridKey: string | undefined,
  ownership: Ownership,
): Remainder {
  const owned = MEMBERS[ownership]
  const isOwned = ({ key }: Member): boolean => key === ridKey || owned.has(key)
  const cuts = members.some(isOwned) ? cutsOf(members, isOwned) : NO_CUTS
  return { cuts, isOtherwiseEmpty: members.every(isOwned) }
}

function cutsOf(members: readonly Member[], isOwned: (member: Member) => boolean): Range[] {
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
