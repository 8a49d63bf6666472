/**
 * Requests with the same hash go to the same engine, as long as that has no more than its share in flight: by their
 * routing key, or by the beginning of their prompt. Keeps no state.
 */
import { leastLoad } from './least-load.ts'
import { type ChoiceReason, engineAt, type Policy, type RequestView } from './policy.ts'
import { boundedRank, type LoadBound } from './rendezvous.ts'

export function consistentHashing(bound: LoadBound): Policy {
  return byHash(bound, 'key', ({ key }) => key)
}

export function prefixHash(bound: LoadBound): Policy {
  return byHash(bound, 'prefix', ({ prefixKey }) => prefixKey)
}

/** Requests without a hash go by load. */
function byHash(
  bound: LoadBound,
  reason: ChoiceReason,
  hashOf: (request: RequestView) => number | undefined,
): Policy {
  const bounded = { bound, reason }
  return (engines, view, request) => {
    if (engines.length === 1) return engineAt(engines, 0)
    const hash = request && hashOf(request)
    if (hash === undefined) return leastLoad(engines, view)
    return boundedRank(engines, hash, view, bounded)
  }
}
