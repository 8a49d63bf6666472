/**
 * A policy chooses one of the eligible engines. Health, models and exclusions are none of its concern; `eligible.ts`
 * handles them.
 */
import type { Engine } from '../core/engine.ts'
import type { Random } from '../core/random.ts'

/** State that a policy may use in addition to the engines. */
export interface PolicyView {
  readonly random: Random
  /** Requests in flight on the engine of the slot, over all threads. */
  inFlight(slot: number): number
  /** Next value, 0 or more, of a counter that all threads share. */
  next(): number
}

/** Returns one of `engines`, which is not empty. */
export type Policy = (engines: readonly Engine[], view: PolicyView) => Engine

/** The engine at `index`, which must exist. */
export function engineAt(engines: readonly Engine[], index: number): Engine {
  const engine = engines[index]
  if (engine === undefined) throw new RangeError(`No engine at index ${index} of ${engines.length}`)
  return engine
}
