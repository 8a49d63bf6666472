/** Which engines can run a request on the data-parallel ranks that its client names. Pure. */
import type { Engine, Role } from '../core/engine.ts'
import { isAtLeast } from '../core/text/version.ts'

/** The rank that an engine of each role shall run the request on, where the client says; -1 for what is no rank. */
export type RankPins = { readonly [role in Role]?: number | undefined }

/**
 * The first version in which the two legs of a request can name a rank each (SGLang pull request 19268). Before that, decode
 * took its own rank for that of prefill.
 */
const FIRST_IN_PAIRS = [0, 5, 10] as const

/** Whether an engine of a pair accepts its own rank and that of its partner. One that reports no version counts as recent. */
export function takesRanksInPairs({ version }: Pick<Engine, 'version'>): boolean {
  return version === undefined || isAtLeast(version, FIRST_IN_PAIRS)
}

/** Whether the engine has the rank that is named for its role, and in a pair also accepts what its partner needs. */
export function acceptsPins(
  engine: Pick<Engine, 'role' | 'ranks' | 'dpSize' | 'version'>,
  pins: RankPins,
): boolean {
  const { role, ranks, dpSize } = engine
  if (role !== 'mixed' && !takesRanksInPairs(engine)) return false
  const rank = pins[role]
  return rank === undefined || (rank >= 0 && rank < (ranks?.count ?? dpSize))
}
