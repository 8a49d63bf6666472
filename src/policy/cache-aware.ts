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
import { preferring } from '../eligibility/eligible.ts'
import { leastLoad } from './least-load.ts'
import {
  type ChoiceReason,
  engineAt,
  meanOf,
  type Policy,
  type PolicyView,
  type PromptView,
} from './policy.ts'
import { highestRank } from './rendezvous.ts'

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

/** Thresholds of sglang-router 0.3.2, for operators who set them there; none is set by default. */
export interface CacheAwareOptions {
  /** A cached prefix counts only if it is a larger share of the prompt than this, 0 to 1. */
  readonly cacheThreshold?: number | undefined
  /**
   * While one engine has this many more requests in flight than another, and this many times as many, the engine with the
   * fewest is chosen. If one of the two is set, both take the place of the policy's own bound.
   */
  readonly balanceAbs?: number | undefined
  readonly balanceRel?: number | undefined
}

/** What sglang-router 0.3.2 assumes for the one that is not set. */
const BALANCE_ABS = 64
const BALANCE_REL = 1.5

export function cacheAware(options: CacheAwareOptions = {}): Policy {
  const { cacheThreshold, balanceAbs, balanceRel } = options
  const isBounded = balanceAbs !== undefined || balanceRel !== undefined
  const balance = isBounded ? { abs: balanceAbs ?? BALANCE_ABS, rel: balanceRel ?? BALANCE_REL } : undefined
  return (engines, view, request) => {
    if (engines.length === 1) return engineAt(engines, 0)
    const known = request?.prompt
    if (known === undefined) return leastLoad(engines, view)
    const loads = engines.map(({ slot }) => view.inFlight(slot))
    if (balance && isUnbalanced(loads, balance)) return leastLoad(engines, view)
    const prompt = cacheThreshold === undefined ? known : above(cacheThreshold, known)
    const maxLoad = balance === undefined ? maxLoadOf(loads) : Infinity
    const costs = loads.map((load, index) =>
      load > maxLoad ? Infinity : costOf(engineAt(engines, index), load, view, prompt),
    )
    const chosen = cheapest(engines, costs, view, prompt)
    view.reason = reasonOf(chosen, engines, costs, prompt)
    return chosen
  }
}

interface Balance {
  readonly abs: number
  readonly rel: number
}

function isUnbalanced(loads: readonly number[], { abs, rel }: Balance): boolean {
  const [min, max] = [Math.min(...loads), Math.max(...loads)]
  return max - min > abs && max > rel * min
}

/** The prompt as it seems if no smaller share of it counts as cached. */
function above(threshold: number, prompt: PromptView): PromptView {
  const minBytes = threshold * prompt.bytes
  const cachedBytes = (slot: number): number => {
    const cached = prompt.cachedBytes(slot)
    return cached > minBytes ? cached : 0
  }
  return { bytes: prompt.bytes, cachedBytes, keyAfter: bytes => prompt.keyAfter(bytes) }
}

/** What an engine may have in flight at most. */
function maxLoadOf(loads: readonly number[]): number {
  let total = 0
  for (const load of loads) total += load
  return (MAX_LOAD_SHARE * total) / loads.length + LOAD_MARGIN
}

/** `costs`: infinite for an engine that was left out for its load. */
function reasonOf(
  { slot }: Engine,
  engines: readonly Engine[],
  costs: readonly number[],
  prompt: PromptView,
): ChoiceReason {
  let holder = -1
  let maxCached = 0
  for (let index = 0; index < engines.length; index++) {
    const cached = prompt.cachedBytes(engineAt(engines, index).slot)
    if (cached > maxCached) [holder, maxCached] = [index, cached]
  }
  if (holder < 0) return 'hashed'
  if (prompt.cachedBytes(slot) >= HELD_SHARE * maxCached) return 'cached'
  return costs[holder] === Infinity ? 'load' : 'cheaper'
}

function cheapest(
  engines: readonly Engine[],
  costs: readonly number[],
  view: PolicyView,
  prompt: PromptView,
): Engine {
  let [minCost, maxCached] = [Infinity, 0]
  for (let index = 0; index < engines.length; index++) {
    const cost = costs[index] ?? Infinity
    if (cost === Infinity) continue
    minCost = Math.min(minCost, cost)
    maxCached = Math.max(maxCached, prompt.cachedBytes(engineAt(engines, index).slot))
  }
  // Where one more prompt of the size of the new part waits, it costs about the same.
  const maxCost = minCost + prompt.bytes - maxCached
  const alike = engines.filter((_, index) => (costs[index] ?? Infinity) <= maxCost)
  const holders = preferring(alike, ({ slot }) => prompt.cachedBytes(slot) >= HELD_SHARE * maxCached)
  if (holders.length === 1) return engineAt(holders, 0)
  return highestRank(withLittleRecentWork(holders, engines, view, prompt), prompt.keyAfter(maxCached))
}

function costOf({ slot }: Engine, load: number, view: PolicyView, prompt: PromptView): number {
  const missing = prompt.bytes - prompt.cachedBytes(slot)
  return view.work(slot) + RECOMPUTE_WEIGHT * missing + REQUEST_BYTES * load
}

function withLittleRecentWork(
  candidates: readonly Engine[],
  engines: readonly Engine[],
  view: PolicyView,
  prompt: PromptView,
): readonly Engine[] {
  const mean = meanOf(engines, slot => view.recentWork(slot))
  const limit = MAX_RECENT_SHARE * mean + prompt.bytes
  return preferring(candidates, ({ slot }) => view.recentWork(slot) <= limit)
}
