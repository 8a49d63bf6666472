/**
 * Puts the configuration together: file < environment < flags. The only import of yaml.
 *
 * Every fault of every source comes out in one error, so that nobody mends a command line one run at a time.
 * How flags and variables are named is not known here: the command line hands over settings.
 */
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { type Config, configSchema } from './config.ts'
import { contradictions } from './contradictions.ts'
import { type ConfigIssue, issuesOf } from './issues.ts'

/** One value for one key, from one place. */
export interface Setting {
  /** For people: `flag --port`, `variable PDGW_PORT`. */
  readonly source: string
  /** Keys from the top: `['server', 'port']`. */
  readonly path: readonly string[]
  /** As parsed as it could be; what is still text where a number belongs is a fault. */
  readonly value: unknown
}

export interface ConfigSources {
  /** Values for keys that no other source sets, instead of the defaults of the schema. */
  readonly defaults?: readonly Setting[]
  /** YAML or JSON file. */
  readonly file?: string | undefined
  readonly env?: readonly Setting[]
  /** Later ones win over earlier ones. */
  readonly flags?: readonly Setting[]
}

/** What is wrong with the configuration, all of it: one line a fault. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly issues: readonly string[]

  constructor(issues: readonly string[]) {
    super(['The configuration cannot be used:', ...issues.map(issue => `  - ${issue}`)].join('\n'))
    this.issues = issues
  }
}

/** @throws ConfigError with every fault there is. The result is frozen, all of it. */
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
    // A faulty value that a later source replaces still is one: it would come to light at the worst moment.
    ...replacedKeyIssues(fromFile.content, [], () => fromFile.source),
    ...settings.flatMap(setting => replacedKeyIssues({}, [setting], () => setting.source)),
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
  try {
    const content: unknown = parse(readFileSync(file, 'utf8')) ?? {}
    if (isRecord(content)) return { source, content, issues: [] }
    return {
      source,
      content: {},
      issues: [{ source, text: 'must hold sections with keys, not a single value' }],
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error)
    return { source, content: {}, issues: [{ source, text: `cannot be read: ${reason}` }] }
  }
}

/** A copy of `base` with the settings put in, later ones over earlier ones. */
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

/** Rules between two keys are left out here: they only hold for the whole. */
function replacedKeyIssues(
  base: object,
  settings: readonly Setting[],
  sourceOf: () => string,
): ConfigIssue[] {
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
