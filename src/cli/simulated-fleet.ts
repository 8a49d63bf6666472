/** The simulator as the commands use it: knobs come as text, and a preset names a set of them. */
import { startFleet } from '../../bench/simulator/fleet.ts'
import { knobsSchema } from '../../bench/simulator/knobs.ts'
import { PRESETS } from '../../bench/simulator/presets.ts'
import type { Fleet, FleetOptions } from './parts.ts'

/** @throws ZodError when a knob is unknown or out of range. */
export async function startSimulatedFleet(options: FleetOptions): Promise<Fleet> {
  const { preset, knobs, ...rest } = options
  const chosen = Object.entries(PRESETS).find(([name]) => name === preset)?.[1] ?? {}
  const fleet = await startFleet({ ...rest, knobs: knobsSchema.parse({ ...chosen, ...knobs }) })
  return {
    // Plain data: it may be sent to another process.
    prefill: fleet.prefill.map(({ url, bootstrapPort }) => ({ url, bootstrapPort })),
    decode: fleet.decode.map(({ url }) => ({ url })),
    close: () => fleet.close(),
  }
}
