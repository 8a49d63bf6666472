/** The simulator as the commands use it: knobs come as text, a preset or a fault script names a set of them. */

import { type ControlServer, startControlServer } from '../simulator/control-server.ts'
import { readFaultScript } from '../simulator/faults/fault-script.ts'
import { FaultReplay, scriptKnobs } from '../simulator/faults/replay.ts'
import { type SimulatedFleet, startFleet } from '../simulator/fleet.ts'
import { presetKnobs } from '../simulator/presets.ts'
import { knobsWith } from '../simulator/settings/knobs.ts'
import type { FleetOptions, RunningFleet } from './dependencies.ts'

/** @throws Error when a knob is unknown or out of range, or there is no such script. */
export async function startSimulatedFleet(options: FleetOptions): Promise<RunningFleet> {
  const { preset = 'calm', knobs = {}, script: scriptName, controlPort, onFault, ...rest } = options
  knobsWith(knobs)
  const script = scriptName === undefined ? undefined : readFaultScript(scriptName)
  const fleet = await startFleet({
    ...rest,
    knobsFor: role => ({ ...presetKnobs(preset, role), ...(script && scriptKnobs(script, role)), ...knobs }),
  })
  const control = controlPort === undefined ? undefined : await controlOf(fleet, controlPort)
  const replay = script && new FaultReplay(script, fleet, onFault ? { onChange: onFault } : {})
  return {
    // Plain data: it may be sent to another process.
    prefill: fleet.prefill.map(({ url, bootstrapPort }) => ({ url, bootstrapPort })),
    decode: fleet.decode.map(({ url }) => ({ url })),
    ...(control && { control: { url: control.url } }),
    close: async () => {
      await control?.close()
      await replay?.stop()
      await fleet.close()
    },
  }
}

/** No engine stays behind when the port cannot be had. */
async function controlOf(fleet: SimulatedFleet, port: number): Promise<ControlServer> {
  try {
    return await startControlServer(fleet, port)
  } catch (error) {
    await fleet.close()
    throw error
  }
}
