/** What machine this is, and which programs stand in the table. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, release, totalmem, type } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { stealShare } from '../../process/process-cost.ts'
import type { PythonEnvironment } from '../start/python-environment.ts'
import { OURS, type Router } from '../start/router-list.ts'

export interface Machine {
  readonly date: string
  readonly cpu: string
  readonly cores: number
  readonly memoryGib: number
  readonly kernel: string
  readonly openFiles: number
  /** Of all CPU time of the run. */
  readonly stealPercent: number
}

const PACKAGE = join(import.meta.dirname, '..', '..', 'package.json')
const LIMIT_MS = 10_000
const run = promisify(execFile)

/** `statBefore`: /proc/stat at the start of the run. */
export function machineOf(statBefore: string, openFiles: number): Machine {
  return {
    date: new Date().toISOString().slice(0, 10),
    cpu: cpus()[0]?.model.trim() ?? 'unknown processor',
    cores: cpus().length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    kernel: `${type()} ${release()}`,
    openFiles,
    stealPercent: 100 * stealShare(statBefore, readFileSync('/proc/stat', 'utf8')),
  }
}

export async function versionsOf(
  routers: readonly Router[],
  environment: PythonEnvironment,
): Promise<Readonly<Record<string, string>>> {
  const pairs = await Promise.all(
    routers.map(async router => [router.name, await versionOf(router, environment)] as const),
  )
  return { ...Object.fromEntries(pairs), wrk: await firstMatch('wrk', ['-v'], /wrk \S*?([\d.]+)/) }
}

async function versionOf(router: Router, { missing }: PythonEnvironment): Promise<string> {
  if (router.package !== undefined)
    return missing.has(router.package.name)
      ? `${router.package.version} (not installed)`
      : router.package.version
  if (router.name === OURS) return `${ownVersion()} (Node ${process.versions.node})`
  return firstMatch(router.name, ['-v'], /(?:version |nginx\/)([\w.+-]+)/)
}

/** Some programs tell their version on the error stream, and some with an exit code. */
async function firstMatch(program: string, args: readonly string[], pattern: RegExp): Promise<string> {
  const told = await run(program, [...args], { timeout: LIMIT_MS }).catch((error: unknown) => error)
  const texts = ['stdout', 'stderr'].map(name =>
    typeof told === 'object' && told !== null ? String(Reflect.get(told, name) ?? '') : '',
  )
  return pattern.exec(texts.join('\n'))?.[1] ?? 'not installed'
}

function ownVersion(): string {
  const value: unknown = JSON.parse(readFileSync(PACKAGE, 'utf8'))
  return typeof value === 'object' && value !== null ? String(Reflect.get(value, 'version')) : ''
}
