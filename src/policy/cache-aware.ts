/**
 * Chooses the engine on which a prompt costs least: what it has to compute already, what it has not cached of this
 * prompt, and a little for each request in flight.
 *
 * An engine that has a popular prefix cached so gets all requests with it until its queue costs more than computing the
 * prefix once more; then another engine gets one of them and has the prefix, too.
 *
 * What no engine has cached may go to any of them. Of those that cost about the same, the one is chosen that the
 * beginning of the new part names (rendezvous hashing), so gateways that know nothing of each other choose alike.
 *
 * Nothing is remembered of a prompt that is too short for the index. It costs any engine next to nothing, so load alone
 * decides, and its hash among engines with the same load.
 */
import type { Engine } from '../core/engine.ts'
import { preferring } from '../eligibility/eligible.ts'
import { fewestRequests, leastLoad, leastLoadByKey } from './least-load.ts'
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
export const HELD_SHARE = 0.9
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
  const { cacheThreshold = -1, balanceAbs, balanceRel } = options
  const isBounded = balanceAbs !== undefined || balanceRel !== undefined
  const balance = isBounded ? { abs: balanceAbs ?? BALANCE_ABS, rel: balanceRel ?? BALANCE_REL } : undefined
  const scores: Scores = { loads: [], cached: [], costs: [] }
  return (engines, view, request) => {
    if (engines.length === 1) return engineAt(engines, 0)
    const prompt = request?.prompt
    if (prompt === undefined) return withoutView(engines, view, request?.shortKey)
    measureLoads(scores, engines, view)
    if (balance && isUnbalanced(scores.loads, balance)) return fewestRequests(engines, view)
    measureCached(scores, engines, prompt, cacheThreshold * prompt.bytes)
    measureCosts(scores, engines, { view, prompt, maxLoad: balance ? Infinity : maxLoadOf(scores.loads) })
    const chosen = cheapest(engines, scores, view, prompt)
    view.reason = reasonOf(chosen, engines, scores)
    return chosen
  }
}

function withoutView(engines: readonly Engine[], view: PolicyView, shortKey: number | undefined): Engine {
  return shortKey === undefined ? leastLoad(engines, view) : leastLoadByKey(engines, view, shortKey)
}

/**
 * What speaks for and against each engine, by its place in the list. They are the same lists for every choice, because a
 * choice is made for every attempt and new ones would be garbage. They may be longer than the list of engines.
 */
interface Scores {
  /** Requests in flight. */
  readonly loads: number[]
  /** Bytes of the prompt that count as cached. */
  readonly cached: number[]
  /** In bytes of prompts; infinite for an engine that is left out for its load. */
  readonly costs: number[]
}

function measureLoads({ loads }: Scores, engines: readonly Engine[], view: PolicyView): void {
  loads.length = engines.length
  for (let index = 0; index < engines.length; index++)
    loads[index] = view.inFlight(engineAt(engines, index).slot)
}

/** `threshold`: only more than this counts as cached. */
function measureCached(
  { cached }: Scores,
  engines: readonly Engine[],
  prompt: PromptView,
  threshold: number,
): void {
  for (let index = 0; index < engines.length; index++) {
    const bytes = prompt.cachedBytes(engineAt(engines, index).slot)
    cached[index] = bytes > threshold ? bytes : 0
  }
}

interface Priced {
  readonly view: PolicyView
  readonly prompt: PromptView
  readonly maxLoad: number
}

function measureCosts({ loads, cached, costs }: Scores, engines: readonly Engine[], priced: Priced): void {
  const { view, prompt, maxLoad } = priced
  for (let index = 0; index < engines.length; index++) {
    const load = loads[index] ?? 0
    const missing = prompt.bytes - (cached[index] ?? 0)
    const work = load > maxLoad ? Infinity : view.work(engineAt(engines, index).slot)
    costs[index] = work + RECOMPUTE_WEIGHT * missing + REQUEST_BYTES * load
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

/** What an engine may have in flight at most. */
function maxLoadOf(loads: readonly number[]): number {
  let total = 0
  for (const load of loads) total += load
  return (MAX_LOAD_SHARE * total) / loads.length + LOAD_MARGIN
}

function reasonOf({ slot }: Engine, engines: readonly Engine[], { cached, costs }: Scores): ChoiceReason {
  let holder = -1
  let [maxCached, chosenCached] = [0, 0]
  for (let index = 0; index < engines.length; index++) {
    const bytes = cached[index] ?? 0
    if (bytes > maxCached) [holder, maxCached] = [index, bytes]
    if (engineAt(engines, index).slot === slot) chosenCached = bytes
  }
  if (holder < 0) return 'hashed'
  if (chosenCached >= HELD_SHARE * maxCached) return 'cached'
  return costs[holder] === Infinity ? 'load' : 'cheaper'
}

function cheapest(
  engines: readonly Engine[],
  { cached, costs }: Scores,
  view: PolicyView,
  prompt: PromptView,
): Engine {
  let [minCost, maxCached] = [Infinity, 0]
  for (let index = 0; index < engines.length; index++) {
    const cost = costs[index] ?? Infinity
    if (cost === Infinity) continue
    minCost = Math.min(minCost, cost)
    maxCached = Math.max(maxCached, cached[index] ?? 0)
  }
  // Where one more prompt of the size of the new part waits, it costs about the same.
  const maxCost = minCost + prompt.bytes - maxCached
  const within = (minCached: number): readonly Engine[] =>
    engines.filter((_, index) => (costs[index] ?? Infinity) <= maxCost && (cached[index] ?? 0) >= minCached)
  // Those that hold most of it; if all of them cost too much, the others that do not.
  const holders = within(HELD_SHARE * maxCached)
  const candidates = holders.length > 0 ? holders : within(0)
  if (candidates.length === 1) return engineAt(candidates, 0)
  return highestRank(withLittleRecentWork(candidates, engines, view, prompt), prompt.keyAfter(maxCached))
}

function withLittleRecentWork(
  candidates: readonly Engine[],
  engines: readonly Engine[],
  view: PolicyView,
  prompt: PromptView,
): readonly Engine[] {
  const second = view.second()
  const mean = meanOf(engines, slot => view.recentWork(slot, second))
  const limit = MAX_RECENT_SHARE * mean + prompt.bytes
  return preferring(candidates, ({ slot }) => view.recentWork(slot, second) <= limit)
}
