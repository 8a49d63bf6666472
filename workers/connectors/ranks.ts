/**
 * Names the data-parallel ranks of an attempt to its engines.
 *
 * In a pair, both legs name the rank of prefill, because SGLang 0.5.23 with plain `--dp-size` refuses all rooms but those
 * of rank 0 otherwise, and the room is one of that rank, for older versions. The rank that an engine runs the request on
 * is in its own leg only.
 */
import type { Engine } from '../../src/core/engine.ts'
import { type RankPins, takesRanksInPairs } from '../../src/eligibility/rank-pins.ts'
import type { Injection } from '../request/engine-body.ts'

/** What each leg gets. */
export interface RankedLegs {
  /** `undefined` if prefill gets the same as decode, or if there is none. */
  readonly prefill: Injection | undefined
  readonly decode: Injection
  /** Headers to add, names and values in turn. */
  readonly headers: readonly string[]
}

const NO_HEADERS: readonly string[] = []
const NO_PINS: RankPins = {}

/**
 * `injected`: what both legs get anyway. `pins`: what the client has pinned, which an engine of a pair gets although it is
 * not known to have that rank: it refuses what it does not have. `undefined` if nothing is to be added.
 */
export function injectRanks(
  { prefill, decode }: { readonly prefill: Engine | undefined; readonly decode: Engine },
  injected: Injection,
  pins: RankPins = NO_PINS,
): RankedLegs | undefined {
  if (prefill === undefined) return legOfMixed(decode, injected, pins.mixed)
  const ofPrefill = namedRank(prefill, pins.prefill)
  const ofDecode = namedRank(decode, pins.decode)
  if (ofPrefill === undefined && ofDecode === undefined) return undefined
  const joined = ofPrefill === undefined ? injected : joinedBy(prefill, ofPrefill.rank, injected)
  return {
    prefill: isSame(ofPrefill, ofDecode) ? undefined : { ...joined, ...ofPrefill },
    decode: { ...joined, ...ofDecode },
    headers: NO_HEADERS,
  }
}

/** A pinned rank is named again: the client may have named it in a way that the engine does not read on every path. */
function legOfMixed(engine: Engine, injected: Injection, pinned: number | undefined): RankedLegs | undefined {
  const named = namedRank(engine, pinned === -1 || engine.isVllm ? undefined : pinned)
  if (named === undefined && engine.rank === undefined) return undefined
  return { prefill: undefined, decode: { ...injected, ...named }, headers: headersFor(engine) }
}

function headersFor({ rank, ranks }: Engine): readonly string[] {
  const isHeader = rank !== undefined && ranks?.field === 'x-data-parallel-rank'
  return isHeader ? [ranks.field, String(rank.number)] : NO_HEADERS
}

/** Where it is not known how many ranks prefill has, only the field names the rank. */
function joinedBy({ ranks }: Engine, prefillRank: number, injected: Injection): Injection {
  const { bootstrapRoom } = injected
  if (bootstrapRoom === undefined || ranks === undefined || prefillRank >= ranks.count)
    return { ...injected, prefillRank }
  return { ...injected, prefillRank, bootstrapRoom: roomOfRank(bootstrapRoom, prefillRank, ranks.count) }
}

type NamedRank = Required<Pick<Injection, 'rank' | 'rankField'>>

function isSame(a: NamedRank | undefined, b: NamedRank | undefined): boolean {
  return a?.rankField === b?.rankField && a?.rank === b?.rank
}

function namedRank(engine: Engine, pinned: number | undefined): NamedRank | undefined {
  const { rank, ranks } = engine
  if (rank !== undefined && ranks !== undefined)
    return ranks.field === 'x-data-parallel-rank' ? undefined : { rankField: ranks.field, rank: rank.number }
  if (pinned === undefined) return undefined
  return { rankField: takesRanksInPairs(engine) ? 'routed_dp_rank' : 'data_parallel_rank', rank: pinned }
}

/** The room next to this one that implies the rank: the room modulo the number of ranks. From 1 to 2^53 - 1. */
function roomOfRank(room: number, rank: number, count: number): number {
  const found = room - (room % count) + rank
  if (found < 1) return found + count
  return found > Number.MAX_SAFE_INTEGER ? found - count : found
}
