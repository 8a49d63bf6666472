/** The simulated engines of a scenario, and what goes wrong with them: the schema. */
import { z } from 'zod'
import type { Role } from '../../../src/simulator/engine/engine-state.ts'
import { readFaultScript } from '../../../src/simulator/faults/fault-script.ts'
import { scriptKnobs } from '../../../src/simulator/faults/replay.ts'
import { PRESET_NAMES, presetKnobs } from '../../../src/simulator/presets.ts'
import { type Knobs, knobsSchema } from '../../../src/simulator/settings/knobs.ts'

export const fleetPlanSchema = z.strictObject({
  prefill: z.int().min(1).default(2),
  decode: z.int().min(1).default(2),
  preset: z.enum(PRESET_NAMES).default('calm'),
  script: z
    .string()
    .optional()
    .describe('Fault script that is replayed while a soak loads; its knobs hold from the start.'),
  knobs: z
    .record(z.string(), z.unknown())
    .default({})
    .describe('Of all engines, on top of preset and script.'),
})

export type FleetPlan = z.output<typeof fleetPlanSchema>

/** @throws ZodError when a knob is unknown or out of range, Error when there is no such script. */
export function knobsOf({ preset, script, knobs }: FleetPlan, role: Role): Partial<Knobs> {
  const scripted = script === undefined ? {} : scriptKnobs(readFaultScript(script), role)
  return knobsSchema.parse({ ...presetKnobs(preset, role), ...scripted, ...knobs })
}
