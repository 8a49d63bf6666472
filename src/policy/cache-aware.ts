/**
 * Chooses the engine on which a prompt costs least: what it has to compute already, what it has not cached of this
 * prompt, and a little for each request in flight.
 *
 * An engine that has a popular prefix cached so gets all requests with it until its queue costs more than computing the
 * prefix once more; then another engine gets one of them and has the prefix, too.
 *
 * What no engine has cached may go to any of them. Of those that cost about the same, the one is chosen that the
 * beginning of the new part names (rendezvous hashing), so gateways that know nothing of each other choose alike.
 */
import type { Engine } from '../core/engine.ts'
import { mix } from '../core/random.ts'
import { preferring } from './eligible.ts'
import { leastLoad } from './least-load.ts'
import { passing } from './passing.ts'
import { type ChoiceReason, engineAt, type Policy, type PolicyView, type PromptView } from './policy.ts'

/**
 * How much worse it is to compute a byte again than to wait for one: it costs the engine time that others need. With 1
 * each request would be served soonest, and in a burst all of them later.
 */
const RECOMPUTE_WEIGHT = 3
/** What a request in flight costs an engine besides its prompt, in bytes of a prompt. */
const REQUEST_BYTES = 256
/** No cached prefix is worth sending an engine more than this times the mean load, plus `LOAD_MARGIN` requests. */
const MAX_LOAD_SHARE = 1.5
const LOAD_MARGIN = 4
/** Engines that hold this share of the most that is cached are equally good: blocks are coarse. */
const HELD_SHARE = 0.9
/** An engine gets no new prefix if it has computed more than this times the mean lately. */
const MAX_RECENT_SHARE = 1.25

export const cacheAware: Policy = (engines, view, prompt) => {
  if (engines.length === 1) return engineAt(engines, 0)
  if (prompt === undefined) return leastLoad(engines, view)
  const allowed = withinLoad(engines, view)
  const chosen = cheapest(allowed, view, prompt)
  view.reason = reasonOf(chosen, engines, allowed, prompt)
  return chosen
}

/** `allowed`: those of the engines that were not left out for their load. */
function reasonOf(
  { slot }: Engine,
  engines: readonly Engine[],
  allowed: readonly Engine[],
  prompt: PromptView,
): ChoiceReason {
  let holder: Engine | undefined
  let maxCached = 0
  for (const engine of engines) {
    const cached = prompt.cachedBytes(engine.slot)
    if (cached <= maxCached) continue
    maxCached = cached
    holder = engine
  }
  if (holder === undefined) return 'hashed'
  if (prompt.cachedBytes(slot) >= HELD_SHARE * maxCached) return 'cached'
  return allowed.includes(holder) ? 'cheaper' : 'load'
}

function withinLoad(engines: readonly Engine[], view: PolicyView): readonly Engine[] {
  const mean = meanOf(engines, ({ slot }) => view.inFlight(slot))
  return passing(engines, ({ slot }) => view.inFlight(slot) <= MAX_LOAD_SHARE * mean + LOAD_MARGIN)
}

function cheapest(engines: readonly Engine[], view: PolicyView, prompt: PromptView): Engine {
  const costOf = ({ slot }: Engine): number =>
    view.work(slot) +
    RECOMPUTE_WEIGHT * (prompt.bytes - prompt.cachedBytes(slot)) +
    REQUEST_BYTES * view.inFlight(slot)
  let [minCost, maxCached] = [Infinity, 0]
  for (const engine of engines) {
    minCost = Math.min(minCost, costOf(engine))
    maxCached = Math.max(maxCached, prompt.cachedBytes(engine.slot))
  }
  // Where one more prompt of the size of the new part waits, it costs about the same.
  const newBytes = prompt.bytes - maxCached
  const alike = passing(engines, engine => costOf(engine) <= minCost + newBytes)
  if (alike.length === 1) return engineAt(alike, 0)
  const maxRecent = MAX_RECENT_SHARE * meanOf(engines, ({ slot }) => view.recentWork(slot)) + prompt.bytes
  const holders = passing(alike, ({ slot }) => prompt.cachedBytes(slot) >= HELD_SHARE * maxCached)
  const candidates = holders.length > 0 ? holders : alike
  return highestRank(
    preferring(candidates, ({ slot }) => view.recentWork(slot) <= maxRecent),
    prompt.keyAfter(maxCached),
  )
}

function meanOf(engines: readonly Engine[], valueOf: (engine: Engine) => number): number {
  let sum = 0
  for (const engine of engines) sum += valueOf(engine)
  return sum / engines.length
}

/** The same in all gateways, in whatever order they know the engines. */
function highestRank(engines: readonly Engine[], key: number): Engine {
  let best = engineAt(engines, 0)
  let bestRank = -1
  for (const engine of engines) {
    const rank = rankOf(engine, key)
    if (rank > bestRank) [best, bestRank] = [engine, rank]
  }
  return best
}

function rankOf({ url }: Engine, key: number): number {
  let bits = key
  for (let index = 0; index < url.length; index++) bits = Math.imul(bits ^ url.charCodeAt(index), 0x01000193)
  return mix(bits)
}
