/** Prompts of token ids that begin alike, group by group. Pure. */
import { seededRandom } from '../../../src/core/random.ts'

export interface GroupedPrompt {
  /** From 0 on. */
  readonly group: number
  readonly ids: readonly number[]
}

/** Odd: engines or ranks that take turns get a group in turn, too. */
const GROUPS = 23
const REQUESTS_PER_GROUP = 8
const SHARED_TOKENS = 1000
const OWN_TOKENS = 60
/** The share of all tokens that is cached if each group is computed by one engine. */
export const BEST_SHARE =
  ((REQUESTS_PER_GROUP - 1) / REQUESTS_PER_GROUP) * (SHARED_TOKENS / (SHARED_TOKENS + OWN_TOKENS))
/** Ids of the lab's model that are no special tokens. */
const [FIRST_ID, IDS] = [300, 1600] as const

/** The prompt of that number: no two begin alike. */
export function idsOf(number: number, tokens: number): readonly number[] {
  const random = seededRandom(number)
  return Array.from({ length: tokens }, () => FIRST_ID + Math.floor(random() * IDS))
}

/** The same in each run. A group comes again when all others have been. */
export function sharedPrefixes(): readonly GroupedPrompt[] {
  const beginnings = Array.from({ length: GROUPS }, (_, group) => idsOf(group, SHARED_TOKENS))
  return Array.from({ length: REQUESTS_PER_GROUP }, () => beginnings)
    .flat()
    .map((beginning, index) => ({
      group: index % GROUPS,
      ids: [...beginning, ...idsOf(GROUPS + index, OWN_TOKENS)],
    }))
}
