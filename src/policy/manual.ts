/** A routing key keeps the engine that its hash has named, or the one that had the fewest requests in flight. */
import { fewestRequests, leastLoad } from './least-load.ts'
import type { Policy } from './policy.ts'
import { boundedRank, type LoadBound } from './rendezvous.ts'
import { type KeyAssignments, sticky } from './sticky.ts'

/** Who gets a new key: the engine that its hash names, or the one with the fewest requests in flight. */
type Assignment = 'hash' | 'min_load'

export interface ManualOptions extends LoadBound {
  readonly assignment: Assignment
}

/** Requests without a key go by load. */
export function manual(options: ManualOptions, assignments: KeyAssignments): Policy {
  const bounded = { bound: options, reason: 'key' } as const
  const first: Policy = (engines, view, request) => {
    const key = request?.key
    if (key === undefined) return leastLoad(engines, view)
    return options.assignment === 'min_load'
      ? fewestRequests(engines, view)
      : boundedRank(engines, key, view, bounded)
  }
  return sticky(first, options, assignments)
}
