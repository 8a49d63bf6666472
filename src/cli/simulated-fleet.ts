/** The simulator as the commands use it: knobs come as text, a preset or a fault script names a set of them. */
import { FaultReplay, scriptKnobs } from '../../bench/faults/replay.ts'
import { readFaultScript } from '../../bench/faults/script.ts'
import { startFleet } from '../../bench/simulator/fleet.ts'
import { knobsSchema } from '../../bench/simulator/knobs.ts'
import { presetKnobs } from '../../bench/simulator/presets.ts'
import type { Fleet, FleetOptions } from './parts.ts'

/** @throws ZodError when a knob is unknown or out of range, Error when there is no such script. */
export async function startSimulatedFleet(options: FleetOptions): Promise<Fleet> {
  const { preset = 'calm', knobs = {}, script: scriptName, onFault, ...rest } = options
  knobsSchema.parse(knobs)
  const script = scriptName === undefined ? undefined : readFaultScript(scriptName)
  const fleet = await startFleet({
    ...rest,
    knobsFor: role => ({ ...presetKnobs(preset, role), ...(script && scriptKnobs(script, role)), ...knobs }),
  })
  const replay = script && new FaultReplay(script, fleet, onFault ? { onChange: onFault } : {})
  return {
    // Plain data: it may be sent to another process.
    prefill: fleet.prefill.map(({ url, bootstrapPort }) => ({ url, bootstrapPort })),
    decode: fleet.decode.map(({ url }) => ({ url })),
    close: async () => {
      await replay?.stop()
      await fleet.close()
    },
  }
}
