/** Limits on a prompt that the scheduler sets, as opposed to those of the tokenizer in front of it. */

import { inputLenExceeded, poolExceeded } from '../sequence/pd-errors.ts'
import type { Sequence } from '../sequence/sequence.ts'
import type { Knobs } from '../settings/knobs.ts'

export function maxReqInputLen(knobs: Knobs): number {
  return knobs.maxReqInputLen > 0 ? knobs.maxReqInputLen : knobs.contextLen - 6
}

/** The 400 text for a prompt that can never fit, undefined when it may. */
export function promptRefusal(sequence: Sequence, knobs: Knobs): string | undefined {
  const { spec } = sequence
  const isTooLong = spec.prompt.tokens > maxReqInputLen(knobs)
  if (isTooLong) return inputLenExceeded(spec, maxReqInputLen(knobs))
  return spec.prompt.tokens > knobs.kvTokens ? poolExceeded(spec, knobs.kvTokens) : undefined
}
