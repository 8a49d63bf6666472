/** Converts flags and environment variables to settings for `config/load.ts`. */
import { type GivenValue, numberOrText, variableOf } from '../config/given-values.ts'
import type { Setting } from '../config/load.ts'
import type { CliOption } from './flags/cli-option.ts'
import { OPTIONS } from './flags/serve-flags.ts'

export interface Settings {
  readonly settings: readonly Setting[]
  readonly warnings: readonly string[]
}

/** `given` holds the value of each flag on the command line, by its name without dashes. */
export function settingsOfFlags(given: ReadonlyMap<string, GivenValue>): Settings {
  return collect(given, flag => `flag --${flag}`)
}

/** Reads the variables `PDGW_<FLAG>`. Elements of a list are separated by commas or whitespace. */
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

/** Mixed engines select mode `mixed`, unless the same source sets the mode. */
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

/** Kubernetes sets PDGW_PORT=tcp://… in every pod of a namespace that has a service named `pdgw`. */
function isServiceLink(value: string): boolean {
  return /^(tcp|udp|sctp):\/\//.test(value)
}

function unknownVariables(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = new Set(['PDGW_CONFIG', ...OPTIONS.map(option => variableOf(option.flag))])
  return Object.keys(env)
    .filter(name => isOurs(name) && !known.has(name))
    .map(name => `unknown variable ${name} has no effect`)
}

function isOurs(name: string): boolean {
  return name.startsWith('PDGW_') && !/_(SERVICE|PORT)_/.test(name)
}
