/** The schema of `bench/scenarios/*.yaml`, and the reader of these files. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { planSchema } from '../load/plan.ts'
import { fleetPlanSchema } from '../environment/fleet/plan.ts'

const stage = {
  description: z.string().min(1),
  fleet: fleetPlanSchema.prefault({}),
  gatewayFlags: z.array(z.string()).default([]).describe('Besides those that name the engines.'),
}

/** The address is known when the gateway runs. */
const loadSchema = planSchema.omit({ url: true })

export const scenarioSchema = z.discriminatedUnion('kind', [
  z
    .strictObject({
      ...stage,
      kind: z.literal('perfect'),
      loads: z.array(loadSchema).min(1),
      slowestMs: z.number().positive().optional().describe('No answer may take longer.'),
      mostRssMib: z
        .number()
        .positive()
        .optional()
        .describe('Resident memory of the gateway at any moment, MiB.'),
      openBreakersARole: z.int().min(0).optional().describe('Most engines of a role whose breaker may open.'),
    })
    .describe('Every request of every load is answered right.'),
  z
    .strictObject({
      ...stage,
      kind: z.literal('churn'),
      loads: z.array(loadSchema).min(1),
      pauseMs: z.number().min(0).describe('After each engine that goes or comes.'),
      leastChanges: z.int().min(1).describe('Engines that have gone and come back in all.'),
    })
    .describe('Every request is answered right while engines are taken out and put back.'),
  z
    .strictObject({ ...stage, kind: z.literal('soak'), load: loadSchema })
    .describe('A long run under trouble: nothing is lost, nothing grows, nothing is left behind.'),
  z
    .strictObject({
      ...stage,
      kind: z.literal('overload'),
      load: loadSchema.describe('Of the search for the peak; each level has its own concurrency.'),
      levels: z.array(z.int().min(1)).min(1).describe('Concurrency of each level.'),
      levelSecs: z.number().positive(),
      overloadFactor: z.number().positive(),
      overloadSecs: z.number().positive(),
    })
    .describe('Far more than can be served: what can be is, the rest is refused in good form.'),
])

export type Scenario = z.output<typeof scenarioSchema>
export type ScenarioLoad = z.output<typeof loadSchema>

const ENDING = '.yaml'

export function scenarioNames(): readonly string[] {
  const files = readdirSync(import.meta.dirname).filter(file => file.endsWith(ENDING))
  return files.map(file => file.slice(0, -ENDING.length)).toSorted()
}

/** @throws Error, in words for whoever runs it, when there is no such scenario or it does not hold. */
export function readScenario(name: string): Scenario {
  if (!scenarioNames().includes(name))
    throw new Error(`there is no scenario ${name}; there are ${scenarioNames().join(', ')}`)
  const text = readFileSync(join(import.meta.dirname, `${name}${ENDING}`), 'utf8')
  const parsed = scenarioSchema.safeParse(parse(text))
  if (parsed.success) return parsed.data
  throw new Error(`scenario ${name}: ${z.prettifyError(parsed.error)}`)
}
