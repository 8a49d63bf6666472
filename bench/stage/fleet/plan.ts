/** The simulated engines of a scenario, and what goes wrong with them: the schema. */
import { z } from 'zod'
import { knobsSchema } from '../../simulator/knobs.ts'
import { PRESETS } from '../../simulator/presets.ts'

const knobs = z.record(z.string(), z.unknown()).default({})
const ms = z.number().min(0)

export const fleetPlanSchema = z.strictObject({
  prefill: z.int().min(1).default(2),
  decode: z.int().min(1).default(2),
  preset: z.enum(Object.keys(PRESETS)).default('calm'),
  knobs: knobs.describe('Of all engines, on top of the preset.'),
  waves: z
    .array(
      z.strictObject({
        everyMs: ms.positive(),
        forMs: ms.positive(),
        role: z.enum(['prefill', 'decode']),
        knobs: knobs.describe(
          'While the wave lasts, on one engine of the role; the next wave takes the next one.',
        ),
      }),
    )
    .default([])
    .describe('Trouble that comes and goes.'),
  restarts: z
    .array(
      z.strictObject({ atMs: ms, role: z.enum(['prefill', 'decode']), index: z.int().min(0), downMs: ms }),
    )
    .default([])
    .describe('Engines that die and come back, once.'),
})

export type FleetPlan = z.output<typeof fleetPlanSchema>

/** @throws ZodError when a knob is unknown or out of range. */
export function knobsOf(plan: FleetPlan): z.output<typeof knobsSchema> {
  const preset = Object.entries(PRESETS).find(([name]) => name === plan.preset)?.[1] ?? {}
  return knobsSchema.parse({ ...preset, ...plan.knobs })
}
