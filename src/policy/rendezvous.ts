/**
 * Rendezvous hashing: a key ranks the engines by a hash of each one's URL and the key. Gateways that know nothing of each
 * other rank alike, in whatever order they know the engines, and an engine that comes or goes moves no keys but its own.
 */
import type { Engine } from '../core/engine.ts'
import { mix } from '../core/random.ts'
import { hashText } from '../core/text-hash.ts'
import { preferring } from '../eligibility/eligible.ts'
import { type ChoiceReason, engineAt, type PolicyView } from './policy.ts'

/** How much more than the others an engine may have in flight and still get what its keys name it for. */
export interface LoadBound {
  /** Times the mean, 1 or more. */
  readonly loadFactor: number
  /** Requests above the mean that an engine may have in any case. */
  readonly loadMargin: number
}

/** How `boundedRank` chooses. */
interface BoundedChoice {
  readonly bound: LoadBound
  /** Why the engine that the key ranks highest is chosen. */
  readonly reason: ChoiceReason
}

/** Hashes of the engines' URLs, each worked out once. */
const URL_HASHES = new WeakMap<Engine, number>()

/** The engine that the key, 0 to 2^32-1, ranks highest. */
export function highestRank(engines: readonly Engine[], key: number): Engine {
  let best = engineAt(engines, 0)
  let bestRank = -1
  for (const engine of engines) {
    const rank = mix(urlHash(engine) ^ key)
    if (rank > bestRank) [best, bestRank] = [engine, rank]
  }
  return best
}

function urlHash(engine: Engine): number {
  const known = URL_HASHES.get(engine)
  if (known !== undefined) return known
  const hash = hashText(engine.url)
  URL_HASHES.set(engine, hash)
  return hash
}

/**
 * The engine that the key ranks highest of those that have room for one more request within the bound. The reason is
 * `load` if another engine would be chosen without the bound.
 */
export function boundedRank(
  engines: readonly Engine[],
  key: number,
  view: Pick<PolicyView, 'inFlight' | 'reason'>,
  { bound, reason }: BoundedChoice,
): Engine {
  const limit = loadLimit(engines, view, bound)
  const hasRoom = ({ slot }: Engine): boolean => view.inFlight(slot) < limit
  const named = highestRank(engines, key)
  const isBusy = !hasRoom(named)
  view.reason = isBusy ? 'load' : reason
  return isBusy ? highestRank(preferring(engines, hasRoom), key) : named
}

/** How many requests an engine may have in flight, counting a new one. Never less than the engine with the fewest would have. */
function loadLimit(
  engines: readonly Engine[],
  view: Pick<PolicyView, 'inFlight'>,
  { loadFactor, loadMargin }: LoadBound,
): number {
  let total = 1
  for (const { slot } of engines) total += view.inFlight(slot)
  const mean = total / engines.length
  return Math.max(Math.ceil(loadFactor * mean), Math.floor(mean + loadMargin))
}
