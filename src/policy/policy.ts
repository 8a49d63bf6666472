/**
 * A policy chooses one engine among those that may be chosen. It never sees health, models or exclusions:
 * `eligible.ts` has dealt with them.
 */
import type { Engine } from '../core/engine.ts'
import type { Random } from '../core/random.ts'

/** What a policy may look at beside the engines themselves. */
export interface PolicyView {
  readonly random: Random
  /** Legs sent to the engine of this slot and not ended, over all threads. */
  inFlight(slot: number): number
  /** The next number of a counter that all threads share, 0 or more. */
  next(): number
}

/** `engines` holds at least one; the answer is one of them. */
export type Policy = (engines: readonly Engine[], view: PolicyView) => Engine

/** The element at `index`, which the caller knows to be there. */
export function engineAt(engines: readonly Engine[], index: number): Engine {
  const engine = engines[index]
  if (engine === undefined) throw new RangeError(`no engine at ${index} of ${engines.length}`)
  return engine
}
