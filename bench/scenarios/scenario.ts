/** Schema of the scenario files, `bench/scenarios/*.yaml`. */
import { z } from 'zod'
import { fleetPlanSchema } from '../environment/fleet/plan.ts'
import { planSchema } from '../load/plan/plan.ts'
import { parseScenarioFile } from './scenario-files.ts'

const environment = {
  description: z.string().min(1),
  fleet: fleetPlanSchema.prefault({}),
  gatewayFlags: z
    .array(z.string())
    .default([])
    .describe('Flags of the gateway, in addition to those that name the engines.'),
}

/** Without the URL, which is known only once the gateway runs. */
const loadSchema = planSchema.omit({ url: true })

export const scenarioSchema = z.discriminatedUnion('kind', [
  z
    .strictObject({
      ...environment,
      kind: z.literal('perfect'),
      loads: z.array(loadSchema).min(1),
      slowestMs: z.number().positive().optional().describe('Longest allowed latency.'),
      maxRssMib: z
        .number()
        .positive()
        .optional()
        .describe('Largest allowed resident memory of the gateway, in MiB.'),
      maxOpenBreakersPerRole: z
        .int()
        .min(0)
        .optional()
        .describe('Most engines of one role whose breaker may open.'),
    })
    .describe('Every request of every load gets the correct response.'),
  z
    .strictObject({
      ...environment,
      kind: z.literal('churn'),
      loads: z.array(loadSchema).min(1),
      pauseMs: z.number().min(0).describe('Pause after each removal and each addition of an engine.'),
      minChanges: z.int().min(1).describe('Least number of engines that are removed and added back.'),
    })
    .describe('Every request gets the correct response while engines are removed and added back.'),
  z
    .strictObject({ ...environment, kind: z.literal('soak'), load: loadSchema })
    .describe('A long run with faults: no request is lost, memory does not grow, nothing stays open.'),
  z
    .strictObject({
      ...environment,
      kind: z.literal('overload'),
      load: loadSchema.describe('Load of the search for the peak; each level sets its own concurrency.'),
      levels: z.array(z.int().min(1)).min(1).describe('Concurrency of each level.'),
      levelSecs: z.number().positive(),
      overloadFactor: z.number().positive(),
      overloadSecs: z.number().positive(),
    })
    .describe(
      'Far more load than can be served: goodput stays at its peak, and the rest is refused with well-formed responses.',
    ),
])

export type Scenario = z.output<typeof scenarioSchema>
export type ScenarioLoad = z.output<typeof loadSchema>

/**
 * A smaller run of a scenario: at most this many requests per load.
 * @throws Error for an overload scenario, which is limited by time.
 */
export function limitRequests(scenario: Scenario, requests: number): Scenario {
  if (scenario.kind === 'overload') throw new Error('--requests: an overload scenario is limited by time')
  const smaller = (load: ScenarioLoad) => ({ ...load, requests: Math.min(requests, load.requests) })
  if (scenario.kind === 'soak') return { ...scenario, load: smaller(scenario.load) }
  return { ...scenario, loads: scenario.loads.map(smaller) }
}

/** @throws Error when there is no such scenario, or its file does not match the schema. */
export function readScenario(name: string): Scenario {
  const parsed = scenarioSchema.safeParse(parseScenarioFile(name))
  if (parsed.success) return parsed.data
  throw new Error(`Scenario ${name} is invalid: ${z.prettifyError(parsed.error)}`)
}
