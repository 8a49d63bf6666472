/** `pd-gateway simulate`: simulated engines in this process, until a signal comes. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { untilStopped } from '../process/stop-signals.ts'
import { PRESET_NAMES } from '../simulator/presets.ts'
import type { CliDependencies, FleetUrls } from './dependencies.ts'

export interface SimulateOptions {
  readonly prefillCount?: number
  readonly decodeCount?: number
  readonly basePort?: number
  readonly knob?: Readonly<Record<string, unknown>>
  readonly preset?: string
  readonly script?: string
  readonly controlPort?: number
  readonly tellParent?: true
}

export function addSimulateOptions(command: Command): Command {
  command
    .option('--prefill-count <n>', 'Prefill engines.', wholeNumber, 2)
    .option('--decode-count <n>', 'Decode engines.', wholeNumber, 2)
    .option('--base-port <n>', 'First port; the others follow. Without it: any free ones.', wholeNumber)
    .option('--knob <name=value...>', 'Knob of the simulated engines; repeatable.', addKnob)
    .option('--control-port <n>', 'Port that changes knobs and tells counters; 0: any free one.', wholeNumber)
    // A channel alone says nothing: our own launcher opens one, too, and listens to nothing on it.
    .addOption(new Option('--tell-parent', 'Send the addresses over the channel, print nothing.').hideHelp())
  return addFaultOptions(command)
}

/** How hard life is; the demo has them too. */
export function addFaultOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--preset <name>', 'Faults that come by chance.').choices(PRESET_NAMES).default('calm'),
    )
    .option(
      '--script <name>',
      'Fault script to play from the start: a name of src/simulator/faults, or a .yaml file.',
    )
}

export async function simulate(options: SimulateOptions, deps: CliDependencies): Promise<number> {
  const { stopped, undo } = untilStopped(deps)
  try {
    const { basePort, knob, preset, script, controlPort } = options
    const fleet = await deps.startFleet({
      ...countsOf(options),
      ...(basePort === undefined ? {} : { basePort }),
      ...(knob === undefined ? {} : { knobs: knob }),
      ...(preset === undefined ? {} : { preset }),
      ...(controlPort === undefined ? {} : { controlPort }),
      ...(script === undefined ? {} : { script, onFault: text => deps.out(`fault: ${text}\n`) }),
    })
    if (options.tellParent && deps.notifyParent) deps.notifyParent(urlsOf(fleet))
    else deps.out(fleetText(fleet))
    await stopped
    await fleet.close()
    return 0
  } finally {
    undo()
  }
}

function countsOf({ prefillCount = 2, decodeCount = 2 }: SimulateOptions): {
  prefill: number
  decode: number
} {
  if (prefillCount + decodeCount === 0) throw new Error('there is no engine to simulate: both counts are 0')
  return { prefill: prefillCount, decode: decodeCount }
}

function urlsOf({ prefill, decode, control }: FleetUrls): FleetUrls {
  return { prefill, decode, ...(control === undefined ? {} : { control }) }
}

function fleetText({ prefill, decode, control }: FleetUrls): string {
  const flags = [
    ...prefill.map(({ url, bootstrapPort }) => `--prefill ${url} ${bootstrapPort}`),
    ...decode.map(({ url }) => `--decode ${url}`),
  ]
  const engines = [
    ...prefill.map(({ url, bootstrapPort }) => `  prefill ${url} (bootstrap port ${bootstrapPort})`),
    ...decode.map(({ url }) => `  decode  ${url}`),
    ...(control === undefined ? [] : [`  control ${control.url}`]),
  ]
  const command = ['pd-gateway --pd-disaggregation', ...flags].join(' \\\n    ')
  return `Simulated engines:\n${engines.join('\n')}\n\nA gateway before them:\n  ${command}\n\nCtrl-C stops them.\n`
}

function wholeNumber(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new InvalidArgumentError('A whole number is needed.')
  return Number(text)
}

/** The value is JSON where it can be (`3`, `true`), text otherwise. */
function addKnob(text: string, before: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const [, name, value] = /^([\w.]+)=(.*)$/s.exec(text) ?? []
  if (name === undefined || value === undefined) throw new InvalidArgumentError('name=value is needed.')
  return { ...before, [name]: jsonOrText(value) }
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
