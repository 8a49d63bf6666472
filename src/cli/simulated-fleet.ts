/** Starts the simulator for a command: resolves presets, fault scripts and knobs that are given as text. */
import { ConfigError } from '../config/load.ts'
import { messageOf } from '../core/text/error-text.ts'
import { type ControlServer, startControlServer } from '../simulator/control-server.ts'
import { type FaultScript, readFaultScript } from '../simulator/faults/fault-script.ts'
import { FaultReplay, scriptKnobs } from '../simulator/faults/replay.ts'
import { type SimulatedFleet, startFleet } from '../simulator/fleet.ts'
import { presetKnobs } from '../simulator/presets.ts'
import { knobsSchema } from '../simulator/settings/knobs.ts'
import type { FleetOptions, RunningFleet } from './dependencies.ts'

/**
 * @throws ConfigError if a knob is unknown or out of range, or a script is not valid.
 * @throws Error if a port is in use.
 */
export async function startSimulatedFleet(options: FleetOptions): Promise<RunningFleet> {
  const { preset = 'calm', knobs = {}, script: scriptName, controlPort, onFault, ...rest } = options
  checkKnobs(knobs)
  const script = scriptName === undefined ? undefined : scriptOf(scriptName)
  const fleet = await startFleet({
    ...rest,
    knobsFor: role => ({ ...presetKnobs(preset, role), ...(script && scriptKnobs(script, role)), ...knobs }),
  }).catch((error: unknown) => {
    throw portError(error, '--base-port')
  })
  const control = controlPort === undefined ? undefined : await controlOf(fleet, controlPort)
  const replay = script && new FaultReplay(script, fleet, onFault ? { onChange: onFault } : {})
  return {
    // Plain data: it may be sent to another process.
    prefill: fleet.prefill.map(({ url, bootstrapPort }) => ({ url, bootstrapPort })),
    decode: fleet.decode.map(({ url }) => ({ url })),
    mixed: fleet.mixed.map(({ url }) => ({ url })),
    ...(control && { control: { url: control.url } }),
    close: async () => {
      await control?.close()
      await replay?.stop()
      await fleet.close()
    },
  }
}

function checkKnobs(knobs: Readonly<Record<string, unknown>>): void {
  const { error } = knobsSchema.safeParse(knobs)
  if (error === undefined) return
  const texts = error.issues.map(issue =>
    issue.code === 'unrecognized_keys'
      ? `unknown knob ${issue.keys.join(', ')}; see docs/simulator.md`
      : [...issue.path, issue.message].join(': '),
  )
  throw new ConfigError(texts.map(text => `flag --knob: ${text}`))
}

function scriptOf(name: string): FaultScript {
  try {
    return readFaultScript(name)
  } catch (error) {
    throw new ConfigError([`flag --script: ${messageOf(error)}`])
  }
}

/** Closes the fleet if the control server cannot listen, so that no engine keeps running. */
async function controlOf(fleet: SimulatedFleet, port: number): Promise<ControlServer> {
  try {
    return await startControlServer(fleet, port)
  } catch (error) {
    await fleet.close()
    throw portError(error, '--control-port')
  }
}

/** Names the flag that moves the port, if the error is about a port; any other error is returned unchanged. */
function portError(error: unknown, flag: string): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error
  if (error.code === 'EADDRINUSE' && 'port' in error) {
    return new Error(
      `Cannot start the simulated engines: port ${String(error.port)} is in use; choose another with ${flag}`,
      { cause: error },
    )
  }
  if (error.code !== 'ERR_SOCKET_BAD_PORT') return error
  return new Error(
    `Cannot start the simulated engines: a port is above 65535; choose a lower one with ${flag}`,
    {
      cause: error,
    },
  )
}
