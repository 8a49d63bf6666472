/** The share of one generator process: which requests it sends, when, and how their clients behave. Pure. */
import { mix } from '../../../src/core/random.ts'
import type { LoadPlan } from '../plan/plan.ts'
import type { Prompts } from '../prompts/prompt.ts'
import { arrivalTimes } from './schedule.ts'

/** Requests are dealt to the processes in rotation. */
export interface Share {
  readonly process: number
  readonly processes: number
}

/** When each request of the whole run is due, in milliseconds from the start; undefined in a closed loop. */
export function dueTimes(plan: LoadPlan, prompts: Prompts): Float64Array | undefined {
  const { arrivals, requests, seed } = plan
  const { dueMs } = prompts
  if (dueMs !== undefined) return Float64Array.from({ length: requests }, (_, index) => dueMs(index))
  if (arrivals.kind === 'closed') return undefined
  return arrivalTimes({ count: requests, ...arrivals, ramp: arrivals.ramp, seed })
}

/** The concurrency limit of one process. */
export function concurrencyOf(plan: LoadPlan, { process, processes }: Share): number {
  const { arrivals } = plan
  const all = arrivals.kind === 'closed' ? arrivals.concurrency : arrivals.maxConcurrency
  if (all === undefined) return Infinity
  // The remainder goes to the first processes. Each gets at least one, or its requests would never be sent.
  return Math.max(1, Math.floor(all / processes) + (process < all % processes ? 1 : 0))
}

export interface ClientBehavior {
  /** When the client disconnects, after sending; undefined: it stays to the end. */
  readonly leaveAfterMs: number | undefined
  readonly isSlow: boolean
}

/** Determined by the seed and the number of the request, so that every run with the seed is alike. */
export function clientBehavior(plan: LoadPlan, index: number): ClientBehavior {
  const draw = (salt: number) => mix(mix(plan.seed ^ salt) + Math.imul(index + 1, 0x9e3779b9)) / 2 ** 32
  const leaves = draw(0x1ea5e) < plan.leaveShare
  return {
    leaveAfterMs: leaves ? draw(0x71e5) * plan.leaveWithinMs : undefined,
    isSlow: draw(0x510) < plan.slowShare,
  }
}
