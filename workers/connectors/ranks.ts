/**
 * Names the data-parallel ranks of an attempt to its engines.
 *
 * In a pair, both legs name the rank of prefill, because SGLang 0.5.23 with plain `--dp-size` refuses all rooms but those
 * of rank 0 otherwise, and the room is one of that rank, for older versions. The rank that an engine runs the request on
 * is in its own leg only.
 */
import type { Engine } from '../../src/core/engine.ts'
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

/** `injected`: what both legs get anyway. `undefined` if no rank was chosen. */
export function injectRanks(
  { prefill, decode }: { readonly prefill: Engine | undefined; readonly decode: Engine },
  injected: Injection,
): RankedLegs | undefined {
  if (prefill?.rank === undefined && decode.rank === undefined) return undefined
  if (prefill === undefined)
    return { prefill: undefined, decode: withRank(decode, injected), headers: headersFor(decode) }
  const joined = joinedBy(prefill, injected)
  const [first, second] = [withRank(prefill, joined), withRank(decode, joined)]
  const isSame = first.rankField === second.rankField && first.rank === second.rank
  return { prefill: isSame ? undefined : first, decode: second, headers: NO_HEADERS }
}

function headersFor({ rank, ranks }: Engine): readonly string[] {
  const isHeader = rank !== undefined && ranks?.field === 'x-data-parallel-rank'
  return isHeader ? [ranks.field, String(rank.number)] : NO_HEADERS
}

function joinedBy({ rank, ranks }: Engine, injected: Injection): Injection {
  if (rank === undefined || ranks === undefined || injected.bootstrapRoom === undefined) return injected
  const { bootstrapRoom } = injected
  return {
    ...injected,
    bootstrapRoom: roomOfRank(bootstrapRoom, rank.number, ranks.count),
    prefillRank: rank.number,
  }
}

function withRank({ rank, ranks }: Engine, injected: Injection): Injection {
  if (rank === undefined || ranks === undefined || ranks.field === 'x-data-parallel-rank') return injected
  return { ...injected, rankField: ranks.field, rank: rank.number }
}

/** The room next to this one that implies the rank: the room modulo the number of ranks. From 1 to 2^53 - 1. */
function roomOfRank(room: number, rank: number, count: number): number {
  const found = room - (room % count) + rank
  if (found < 1) return found + count
  return found > Number.MAX_SAFE_INTEGER ? found - count : found
}
