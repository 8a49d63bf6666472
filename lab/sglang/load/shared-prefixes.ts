/** Prompts of token ids that begin alike, group by group. Pure. */
import { seededRandom } from '../../../src/core/random.ts'

export interface GroupedPrompt {
  /** From 0 to `GROUPS` - 1. */
  readonly group: number
  readonly ids: readonly number[]
}

const GROUPS = 24
const REQUESTS_PER_GROUP = 8
const SHARED_TOKENS = 1000
const OWN_TOKENS = 60
/** Ids of the lab's model that are no special tokens. */
const [FIRST_ID, IDS] = [300, 1600] as const

/** The same in each run. A group comes again when all others have been. */
export function sharedPrefixes(): readonly GroupedPrompt[] {
  const random = seededRandom(1)
  const draw = (count: number): number[] =>
    Array.from({ length: count }, () => FIRST_ID + Math.floor(random() * IDS))
  const beginnings = Array.from({ length: GROUPS }, () => draw(SHARED_TOKENS))
  return Array.from({ length: REQUESTS_PER_GROUP }, () => beginnings)
    .flat()
    .map((beginning, index) => ({ group: index % GROUPS, ids: [...beginning, ...draw(OWN_TOKENS)] }))
}
