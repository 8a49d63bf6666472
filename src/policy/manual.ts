/**
 * The engine to which a routing key was first given keeps it, however loaded it is and whatever engines are added. While
 * it cannot be chosen, because it is full, unhealthy or has just failed the request, the next engine in the key's rank
 * order stands in. When it is removed, the key is given to another.
 */
import { fewestRequests, leastLoad } from './least-load.ts'
import type { Policy } from './policy.ts'
import { boundedRank, type LoadBound } from './rendezvous.ts'

/** Which engine each routing key was given to. Keys that were not used for long are forgotten. */
export interface KeyAssignments {
  /** The slot of the engine that has the key, which counts as used now; -1 if none has it. */
  slotOf(key: number): number
  assign(key: number, slot: number): void
}

/** Who gets a new key: the engine that its hash names, or the one with the fewest requests in flight. */
type Assignment = 'hash' | 'min_load'

export interface ManualOptions extends LoadBound {
  readonly assignment: Assignment
}

/** Requests without a key go by load. */
export function manual(options: ManualOptions, assignments: KeyAssignments): Policy {
  const bounded = { bound: options, reason: 'key' } as const
  return (engines, view, request) => {
    const key = request?.key
    if (key === undefined) return leastLoad(engines, view)
    const slot = assignments.slotOf(key)
    if (slot >= 0) {
      view.reason = 'key'
      return engines.find(engine => engine.slot === slot) ?? boundedRank(engines, key, view, bounded)
    }
    const engine =
      options.assignment === 'min_load'
        ? fewestRequests(engines, view)
        : boundedRank(engines, key, view, bounded)
    assignments.assign(key, engine.slot)
    return engine
  }
}
