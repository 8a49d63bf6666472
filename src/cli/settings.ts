/** From the words of a command line and the variables of an environment to settings for `config/load.ts`. */

import { type GivenValue, variableOf } from '../config/flags.ts'
import type { Setting } from '../config/load.ts'
import { numberOrText } from './number-or-text.ts'
import { type CliOption, OPTIONS } from './options.ts'

export interface Settings {
  readonly settings: readonly Setting[]
  readonly warnings: readonly string[]
}

/** `given`: value of each flag that was on the command line, by its name without dashes. */
export function settingsOfFlags(given: ReadonlyMap<string, GivenValue>): Settings {
  return collect(given, flag => `flag --${flag}`)
}

/** Reads `PDGW_<FLAG>`; lists are parted by commas or blanks. */
export function settingsOfEnvironment(env: Readonly<Record<string, string | undefined>>): Settings {
  const given = new Map<string, GivenValue>()
  for (const option of OPTIONS) {
    const value = env[variableOf(option.flag)]
    if (value !== undefined && value !== '' && !isServiceLink(value))
      given.set(option.flag, read(option, value))
  }
  const { settings, warnings } = collect(given, flag => `variable ${variableOf(flag)}`)
  return { settings, warnings: [...warnings, ...unknownVariables(env)] }
}

function collect(given: ReadonlyMap<string, GivenValue>, sourceOf: (flag: string) => string): Settings {
  const settings: Setting[] = []
  const warnings: string[] = []
  for (const option of OPTIONS) {
    const value = given.get(option.flag)
    if (value === undefined) continue
    const source = sourceOf(option.flag)
    const converted = convert(option, value, text => warnings.push(`${source}: ${text}`))
    if (converted !== undefined) settings.push({ source, path: option.path, value: converted })
  }
  return { settings: withMode(settings, given), warnings }
}

function convert(option: CliOption, value: GivenValue, warn: (text: string) => void): unknown {
  if (option.convert) return option.convert(value, warn)
  return option.shape === 'number' && typeof value === 'string' ? numberOrText(value) : value
}

/** Engines for the mixed mode name the mode too, unless it is said otherwise at the same place. */
function withMode(settings: readonly Setting[], given: ReadonlyMap<string, GivenValue>): readonly Setting[] {
  const engines = settings.find(setting => setting.path.join('.') === 'engines.mixed')
  if (!engines || given.has('pd-disaggregation')) return settings
  return [...settings, { source: engines.source, path: ['engines', 'mode'], value: 'mixed' }]
}

function read(option: CliOption, text: string): GivenValue {
  if (option.shape === 'list') return text.split(/[\s,]+/).filter(word => word !== '')
  if (option.shape !== 'flag') return text
  if (/^(1|true|yes|on)$/i.test(text)) return true
  return /^(0|false|no|off)$/i.test(text) ? false : text
}

/** Kubernetes sets PDGW_PORT=tcp://… in every pod beside a service that is called pdgw. */
function isServiceLink(value: string): boolean {
  return /^(tcp|udp|sctp):\/\//.test(value)
}

function unknownVariables(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = new Set(['PDGW_CONFIG', ...OPTIONS.map(option => variableOf(option.flag))])
  return Object.keys(env)
    .filter(name => isOurs(name) && !known.has(name))
    .map(name => `variable ${name} is unknown and has no effect`)
}

function isOurs(name: string): boolean {
  return name.startsWith('PDGW_') && !/_(SERVICE|PORT)_/.test(name)
}
