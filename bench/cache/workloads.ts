/** The workloads of `bench cache`, and the engines that they run on. Pure. */
import { type FleetPlan, fleetPlanSchema } from '../environment/fleet/plan.ts'
import type { PlanInput } from '../load/plan/plan.ts'
import type { WorkloadName } from './names.ts'

export interface Workload {
  readonly name: WorkloadName
  readonly fleet: FleetPlan
  readonly load: Omit<PlanInput, 'url'>
}

/** Some prefixes fit into the cache of one engine, all of them do not. */
const KNOBS = {
  kvTokens: 60_000,
  enableCacheReport: true,
  prefillOverheadMs: 10,
  prefillMsPerToken: 0.05,
}
const MIXED = fleetPlanSchema.parse({ mixed: 4, knobs: KNOBS })
const PAIRS = fleetPlanSchema.parse({ prefill: 4, decode: 2, knobs: KNOBS })

/** One engine more than the gateway knows at first. */
export const CHANGED_FLEET = fleetPlanSchema.parse({ mixed: 5, knobs: KNOBS })

const OUTPUT_TOKENS = 32
const EVEN = { kind: 'shared-prefix', popularity: 'uniform', outputTokens: OUTPUT_TOKENS } as const
const ZIPF = { kind: 'shared-prefix', popularity: 'zipf', outputTokens: OUTPUT_TOKENS } as const
const TALKS = { kind: 'conversations', outputTokens: OUTPUT_TOKENS } as const

/** Requests of a quick run: the caches are hardly full, so its figures say only that everything works. */
const QUICK_SHARE = 0.15

/** What is sent to engines and router before each load, and does not count: prompts shorter than a page of a cache. */
export const WARM_UP: Workload['load'] = {
  ...streamed(),
  requests: 100,
  arrivals: { kind: 'open', ratePerSecond: 50 },
  dataset: { kind: 'shared-prefix', groups: 8, systemTokens: 8, questionTokens: 8, outputTokens: 8 },
}

/** Runs until it is stopped. */
export const CHANGED_LOAD: Workload['load'] = {
  ...streamed(),
  dataset: EVEN,
  requests: 10_000,
  arrivals: { kind: 'open', ratePerSecond: 30 },
}

export function workloads(isQuick: boolean): readonly Workload[] {
  const load = (dataset: PlanInput['dataset'], ratePerSecond: number, requests: number) => ({
    ...streamed(),
    dataset,
    requests: isQuick ? Math.round(requests * QUICK_SHARE) : requests,
    arrivals: { kind: 'open', ratePerSecond } as const,
  })
  return [
    { name: 'regular-30', fleet: MIXED, load: load(EVEN, 30, 1000) },
    { name: 'regular-60', fleet: MIXED, load: load(EVEN, 60, 1500) },
    { name: 'zipf', fleet: MIXED, load: load(ZIPF, 30, 1000) },
    { name: 'conversations', fleet: MIXED, load: load(TALKS, 30, 480) },
    { name: 'pd', fleet: PAIRS, load: load(EVEN, 30, 1000) },
    { name: 'regular-120', fleet: MIXED, load: load(EVEN, 120, 3000) },
  ]
}

/** Every token is compared with the one that the simulated engines must send. */
function streamed(): Pick<PlanInput, 'endpoint' | 'isStream' | 'scriptSeed'> {
  return { endpoint: 'chat', isStream: true, scriptSeed: 0 }
}
