/** Schema of a scenario's simulated engines and their faults. */
import { z } from 'zod'
import type { Role } from '../../../src/simulator/engine/engine-state.ts'
import { readFaultScript } from '../../../src/simulator/faults/fault-script.ts'
import { scriptKnobs } from '../../../src/simulator/faults/replay.ts'
import { PRESET_NAMES, presetKnobs } from '../../../src/simulator/presets.ts'
import { type Knobs, knobsSchema } from '../../../src/simulator/settings/knobs.ts'

export const fleetPlanSchema = z.strictObject({
  prefill: z.int().min(1).default(2),
  decode: z.int().min(1).default(2),
  mixed: z
    .int()
    .min(0)
    .default(0)
    .describe('Mixed engines; with them there are no prefill and decode engines.'),
  preset: z.enum(PRESET_NAMES).default('calm'),
  script: z
    .string()
    .optional()
    .describe('Fault script to replay while the load runs; its knobs apply from the start.'),
  knobs: z
    .record(z.string(), z.unknown())
    .default({})
    .describe('Knobs of all engines; they override those of the preset and the script.'),
})

export type FleetPlan = z.output<typeof fleetPlanSchema>

/** @throws ZodError for an unknown knob or a value out of range, Error for an unknown script. */
export function knobsOf({ preset, script, knobs }: FleetPlan, role: Role): Partial<Knobs> {
  const scripted = script === undefined ? {} : scriptKnobs(readFaultScript(script), role)
  return knobsSchema.parse({ ...presetKnobs(preset, role), ...scripted, ...knobs })
}
