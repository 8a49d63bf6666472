/**
 * The engine to which the first request of a routing key went keeps the key, however loaded it is and whatever engines are
 * added. While it cannot be chosen, because it is full, unhealthy or has just failed the request, the next engine in the
 * key's rank order stands in. When it is removed, the key is given to another.
 */
import type { Policy } from './policy.ts'
import { boundedRank, type LoadBound } from './rendezvous.ts'

/** Which engine each routing key was given to. Keys that were not used for long are forgotten. */
export interface KeyAssignments {
  /** The slot of the engine that has the key, which counts as used now; -1 if none has it. */
  slotOf(key: number): number
  assign(key: number, slot: number): void
}

/** `first` chooses for the first request of a key, and for requests without one. */
export function sticky(first: Policy, bound: LoadBound, assignments: KeyAssignments): Policy {
  const bounded = { bound, reason: 'key' } as const
  return (engines, view, request) => {
    const key = request?.key
    if (key === undefined) return first(engines, view, request)
    const slot = assignments.slotOf(key)
    if (slot >= 0) {
      view.reason = 'key'
      return engines.find(engine => engine.slot === slot) ?? boundedRank(engines, key, view, bounded)
    }
    const engine = first(engines, view, request)
    assignments.assign(key, engine.slot)
    return engine
  }
}
