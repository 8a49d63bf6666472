/** Flags that describe simulated engines. `simulate` and `demo` share them. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { ConfigError } from '../config/load.ts'
import { PRESET_NAMES } from '../simulator/presets.ts'
import type { EngineCounts } from './dependencies.ts'

/** Values of the flags, by commander's camel-case names. */
export interface FleetFlags {
  readonly prefillCount?: number
  readonly decodeCount?: number
  readonly mixedCount?: number
  readonly basePort?: number
  readonly knob?: Readonly<Record<string, unknown>>
  readonly preset?: string
  readonly script?: string
}

const DEFAULT_COUNT = 2
const HELP_GROUP = 'Simulated engines:'

/** `basePort` is the default of `--base-port`; undefined takes free ports. */
export function addFleetFlags(command: Command, basePort?: number): Command {
  const options = [
    new Option(
      '--prefill-count <n>',
      'Number of prefill engines (default: 2, or 0 if --mixed-count is given).',
    ).argParser(wholeNumber),
    new Option(
      '--decode-count <n>',
      'Number of decode engines (default: 2, or 0 if --mixed-count is given).',
    ).argParser(wholeNumber),
    new Option(
      '--mixed-count <n>',
      'Number of engines that do both prefill and decode (default: 0).',
    ).argParser(wholeNumber),
    new Option(
      '--base-port <n>',
      `First port; each engine and each bootstrap server takes the next one (default: ${basePort ?? 'any free ports'}).`,
    ).argParser(wholeNumber),
    new Option(
      '--knob <name=value...>',
      'Setting of the engines, see docs/simulator.md; repeatable.',
    ).argParser(addKnob),
    new Option('--preset <name>', 'Random faults.').choices(PRESET_NAMES).default('calm'),
    new Option(
      '--script <name>',
      'Fault script to replay from the start: a name from src/simulator/faults, or the path of a .yaml file.',
    ),
  ]
  for (const option of options) command.addOption(option.helpGroup(HELP_GROUP))
  return command
}

/** @throws ConfigError if there would be no engine at all. */
export function engineCounts({ prefillCount, decodeCount, mixedCount = 0 }: FleetFlags): EngineCounts {
  const pairedDefault = mixedCount > 0 ? 0 : DEFAULT_COUNT
  const counts = {
    prefill: prefillCount ?? pairedDefault,
    decode: decodeCount ?? pairedDefault,
    mixed: mixedCount,
  }
  if (counts.prefill + counts.decode + counts.mixed === 0) {
    throw new ConfigError([
      'no engine to simulate: --prefill-count, --decode-count and --mixed-count are all 0',
    ])
  }
  return counts
}

export function wholeNumber(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new InvalidArgumentError('Expected a whole number of up to five digits.')
  return Number(text)
}

/** Parses the value as JSON if possible (`3`, `true`), otherwise takes it as text. */
function addKnob(text: string, before: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const [, name, value] = /^([\w.]+)=(.*)$/s.exec(text) ?? []
  if (name === undefined || value === undefined) throw new InvalidArgumentError('Expected name=value.')
  return { ...before, [name]: jsonOrText(value) }
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
