/** What one generator process has to do: which requests, when, and what becomes of each. Pure. */
import { mix } from '../../src/core/hash.ts'
import type { Prompts } from './datasets.ts'
import type { LoadPlan } from './plan.ts'
import { arrivalTimes } from './schedule.ts'

/** Processes take the requests in turn. */
export interface Share {
  readonly process: number
  readonly processes: number
}

/** When each request of the whole run is due, milliseconds; undefined in a closed loop. */
export function dueTimes(plan: LoadPlan, prompts: Prompts): Float64Array | undefined {
  const { arrivals, requests, seed } = plan
  const { dueMs } = prompts
  if (dueMs !== undefined) return Float64Array.from({ length: requests }, (_, index) => dueMs(index))
  if (arrivals.kind === 'closed') return undefined
  return arrivalTimes({ count: requests, ...arrivals, ramp: arrivals.ramp, seed })
}

/** Most requests that the process may have open. */
export function concurrencyOf(plan: LoadPlan, { process, processes }: Share): number {
  const { arrivals } = plan
  const all = arrivals.kind === 'closed' ? arrivals.concurrency : arrivals.maxConcurrency
  if (all === undefined) return Infinity
  // What does not divide goes to the first ones; each has one at least, or its requests would never be sent.
  return Math.max(1, Math.floor(all / processes) + (process < all % processes ? 1 : 0))
}

export interface Fate {
  /** The client leaves so long after it has sent; undefined: it stays. */
  readonly leaveAfterMs: number | undefined
  readonly isSlow: boolean
}

/** Drawn from the seed and the request's number alone, so that every run with the seed treats it alike. */
export function fateOf(plan: LoadPlan, index: number): Fate {
  const draw = (salt: number) => mix(mix(plan.seed ^ salt) + Math.imul(index + 1, 0x9e3779b9)) / 2 ** 32
  const leaves = draw(0x1ea5e) < plan.leaveShare
  return {
    leaveAfterMs: leaves ? draw(0x71e5) * plan.leaveWithinMs : undefined,
    isSlow: draw(0x510) < plan.slowShare,
  }
}
