/** Limits on prompts that the scheduler applies. The tokenizer applies others before it. */

import { inputLenExceeded, poolExceeded } from '../sequence/pd-errors.ts'
import type { Sequence } from '../sequence/sequence.ts'
import type { Knobs } from '../settings/knobs.ts'

export function maxReqInputLen(knobs: Knobs): number {
  return knobs.maxReqInputLen > 0 ? knobs.maxReqInputLen : knobs.contextLen - 6
}

/** The message of the 400 response for a prompt that can never fit; undefined if it can. */
export function promptRefusal(sequence: Sequence, knobs: Knobs): string | undefined {
  const { spec } = sequence
  const isTooLong = spec.prompt.tokens >= maxReqInputLen(knobs)
  if (isTooLong) return inputLenExceeded(spec, maxReqInputLen(knobs))
  return spec.prompt.tokens > knobs.kvTokens ? poolExceeded(spec, knobs.kvTokens) : undefined
}
