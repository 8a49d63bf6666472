/**
 * Loads the configuration. Flags override environment variables, which override the file. The only importer of yaml.
 *
 * All issues of all sources are reported in one error, so that an operator can fix them in one go. The names of flags
 * and variables are not known here; the command line passes settings.
 */
import { readFileSync } from 'node:fs'
import { parse, YAMLParseError } from 'yaml'
import { messageOf } from '../core/text/error-text.ts'
import { type Config, configSchema } from './config.ts'
import { contradictions } from './contradictions.ts'
import { type ConfigIssue, issuesOf } from './issues.ts'

/** A value for one key, from one source. */
export interface Setting {
  /** Shown to the operator: `flag --port`, `variable PDGW_PORT`. */
  readonly source: string
  /** Path of the key from the root: `['server', 'port']`. */
  readonly path: readonly string[]
  /** Parsed as far as possible. Text for a numeric key is left as it is, and the schema rejects it. */
  readonly value: unknown
}

export interface ConfigSources {
  /** Values for keys that no other source sets, instead of the defaults of the schema. */
  readonly defaults?: readonly Setting[]
  /** Path of a YAML or JSON file. */
  readonly file?: string | undefined
  readonly env?: readonly Setting[]
  /** Later settings override earlier ones. */
  readonly flags?: readonly Setting[]
}

/** Lists every issue of the configuration, one per line. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly issues: readonly string[]

  constructor(issues: readonly string[]) {
    super(['Invalid configuration:', ...issues.map(issue => `  - ${issue}`)].join('\n'))
    this.issues = issues
  }
}

/** Returns a deeply frozen configuration. @throws ConfigError that lists every issue. */
export function loadConfig({ defaults = [], file, env = [], flags = [] }: ConfigSources): Config {
  const fromFile = readConfigFile(file)
  const unset = defaults.filter(({ path }) => !isSet(fromFile.content, path))
  const settings = [...unset, ...env, ...flags]
  const merged = withSettings(fromFile.content, settings)
  const sourceOf = (path: readonly PropertyKey[]): string =>
    settings.findLast(setting => startsWith(path, setting.path))?.source ?? fromFile.source

  const result = configSchema.safeParse(merged)
  const issues = [
    ...fromFile.issues,
    ...issuesOf(result.error, merged, sourceOf),
    // An invalid value that another source overrides is reported too: it would surface once the override is removed.
    ...issuesOfSource(fromFile.content, [], () => fromFile.source),
    ...settings.flatMap(setting => issuesOfSource({}, [setting], () => setting.source)),
    ...(result.success ? contradictions(result.data, sourceOf) : []),
  ]
  if (issues.length > 0 || !result.success) throw new ConfigError(distinct(issues))
  return deepFrozen(result.data)
}

interface FileContent {
  readonly source: string
  readonly content: object
  readonly issues: readonly ConfigIssue[]
}

function readConfigFile(file: string | undefined): FileContent {
  if (file === undefined) return { source: 'defaults', content: {}, issues: [] }
  const source = `file ${file}`
  const rejected = (text: string): FileContent => ({ source, content: {}, issues: [{ source, text }] })
  try {
    const content: unknown = parse(readFileSync(file, 'utf8')) ?? {}
    if (isRecord(content)) return { source, content, issues: [] }
    return rejected('must contain sections with keys, not a list or a single value')
  } catch (error) {
    // An error of the parser continues with an excerpt of the file on lines of its own.
    const reason = messageOf(error).split('\n')[0]?.replace(/:$/, '')
    const problem = error instanceof YAMLParseError ? 'is not valid YAML or JSON' : 'cannot be read'
    return rejected(`${problem}: ${reason}`)
  }
}

/** Returns a copy of `base` with the settings applied in order. */
function withSettings(base: object, settings: readonly Setting[]): object {
  const copy: object = structuredClone(base)
  for (const { path, value } of settings) assign(copy, path, value)
  return copy
}

function isSet(content: object, path: readonly string[]): boolean {
  let value: unknown = content
  for (const key of path) value = isRecord(value) ? value[key] : undefined
  return value !== undefined
}

function assign(target: object, path: readonly string[], value: unknown): void {
  const [key, ...rest] = path
  if (key === undefined) return
  if (rest.length === 0) {
    Reflect.set(target, key, value)
    return
  }
  const inner: unknown = Reflect.get(target, key)
  const section = isRecord(inner) ? inner : {}
  Reflect.set(target, key, section)
  assign(section, rest, value)
}

/** Issues of a source by itself. Rules between two keys (`custom` issues) are left out: they apply to the merged whole. */
function issuesOfSource(base: object, settings: readonly Setting[], sourceOf: () => string): ConfigIssue[] {
  const content = withSettings(base, settings)
  const { error } = configSchema.safeParse(content)
  return issuesOf(error, content, sourceOf, issue => issue.code !== 'custom')
}

function distinct(issues: readonly ConfigIssue[]): string[] {
  return [...new Set(issues.map(issue => `${issue.source}: ${issue.text}`))]
}

function startsWith(path: readonly PropertyKey[], start: readonly string[]): boolean {
  return start.every((key, index) => path[index] === key)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function deepFrozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  for (const inner of Object.values(value)) deepFrozen(inner)
  return Object.freeze(value)
}
