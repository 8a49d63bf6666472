/** Which versions of SGLang accept data-parallel ranks in a pair. Pure. */
import type { PairingFacts } from '../core/engine.ts'
import { isAtLeast } from '../core/text/version.ts'

/**
 * The first version in which the two legs of a request can name a rank each (SGLang pull request 19268). Before that, decode
 * took its own rank for that of prefill.
 */
const FIRST_IN_PAIRS = [0, 5, 10] as const

/** Whether an engine takes its own rank and that of its partner. One that reports no version counts as recent. */
export function takesRanksInPairs({ version }: PairingFacts): boolean {
  return version === undefined || isAtLeast(version, FIRST_IN_PAIRS)
}
