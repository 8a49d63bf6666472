/** `pd-gateway simulate`: runs simulated engines in this process until a signal arrives. */
import { type Command, Option } from 'commander'
import { untilStopped } from '../process/stop-signals.ts'
import type { CliDependencies, FleetUrls } from './dependencies.ts'
import { addFleetFlags, engineCounts, type FleetFlags, wholeNumber } from './fleet-flags.ts'

export interface SimulateOptions extends FleetFlags {
  readonly controlPort?: number
  readonly notifyParent?: true
}

export function addSimulateOptions(command: Command): Command {
  return (
    addFleetFlags(command)
      .option(
        '--control-port <n>',
        'Port of a server that sets knobs and serves counters; 0 takes a free port.',
        wholeNumber,
      )
      // An IPC channel alone is no request: bin/pd-gateway.js opens one too, and does not read from it.
      .addOption(
        new Option('--notify-parent', 'Send the addresses over the IPC channel, print nothing.').hideHelp(),
      )
  )
}

export async function simulate(options: SimulateOptions, deps: CliDependencies): Promise<number> {
  const { stopped, undo } = untilStopped(deps)
  try {
    const { basePort, knob, preset, script, controlPort } = options
    const fleet = await deps.startFleet({
      ...engineCounts(options),
      ...(basePort === undefined ? {} : { basePort }),
      ...(knob === undefined ? {} : { knobs: knob }),
      ...(preset === undefined ? {} : { preset }),
      ...(controlPort === undefined ? {} : { controlPort }),
      ...(script === undefined ? {} : { script, onFault: text => deps.out(`Fault: ${text}\n`) }),
    })
    if (options.notifyParent && deps.notifyParent) deps.notifyParent(urlsOf(fleet))
    else deps.out(fleetText(fleet))
    await stopped
    await fleet.close()
    return 0
  } finally {
    undo()
  }
}

/** Plain data, without `close`, which cannot be sent to another process. */
function urlsOf({ prefill, decode, mixed, control }: FleetUrls): FleetUrls {
  return { prefill, decode, mixed, ...(control === undefined ? {} : { control }) }
}

function fleetText(fleet: FleetUrls): string {
  const { prefill, decode, mixed, control } = fleet
  const engines = [
    ...prefill.map(({ url, bootstrapPort }) => `  prefill ${url} (bootstrap port ${bootstrapPort})`),
    ...decode.map(({ url }) => `  decode  ${url}`),
    ...mixed.map(({ url }) => `  mixed   ${url}`),
    ...(control === undefined ? [] : [`  control ${control.url}`]),
  ]
  const commands = gatewayCommands(fleet).map(command => `  ${command}\n`)
  return `Simulated engines:\n${engines.join('\n')}\n\nTo start a gateway for them:\n${commands.join('\n')}\nPress Ctrl-C to stop.\n`
}

/** One command for each mode that has engines: a gateway runs in one of them. */
function gatewayCommands({ prefill, decode, mixed }: FleetUrls): string[] {
  const pairs = [
    ...prefill.map(({ url, bootstrapPort }) => `--prefill ${url} ${bootstrapPort}`),
    ...decode.map(({ url }) => `--decode ${url}`),
  ]
  return [
    ...(pairs.length === 0 ? [] : [commandLine(['node bin/pd-gateway.js --pd-disaggregation', ...pairs])]),
    ...(mixed.length === 0
      ? []
      : [commandLine(['node bin/pd-gateway.js --worker-urls', ...mixed.map(engine => engine.url)])]),
  ]
}

function commandLine(lines: readonly string[]): string {
  return lines.join(' \\\n    ')
}
