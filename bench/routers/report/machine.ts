/** The machine of a run, and the versions of the programs in its table. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, release, totalmem, type } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { member } from '../../json/member.ts'
import { stealShare } from '../../process/process-cost.ts'
import { GATEWAY } from '../loads/names.ts'
import type { PythonEnvironment } from '../start/python-environment.ts'
import type { Router } from '../start/router-list.ts'

export interface Machine {
  readonly date: string
  readonly cpu: string
  readonly cores: number
  readonly memoryGib: number
  readonly kernel: string
  readonly openFiles: number
  /** Share of the CPU time of the run that the host took away. */
  readonly stealPercent: number
}

const PACKAGE = join(import.meta.dirname, '..', '..', '..', 'package.json')
const VERSION_TIMEOUT_MS = 10_000
const run = promisify(execFile)

/** `statBefore` is /proc/stat at the start of the run. */
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
  return Object.fromEntries(pairs)
}

export function wrkVersion(): Promise<string> {
  return firstMatch('wrk', ['-v'], /wrk \S*?([\d.]+)/)
}

async function versionOf(router: Router, { missing }: PythonEnvironment): Promise<string> {
  if (router.package !== undefined)
    return missing.has(router.package.name)
      ? `${router.package.version} (not installed)`
      : router.package.version
  if (router.name === GATEWAY) return `${ownVersion()} (Node ${process.versions.node})`
  return firstMatch(router.name, ['-v'], /(?:version |nginx\/)([\w.+-]+)/)
}

/** Some programs print their version on standard error, and some exit with a failure. */
async function firstMatch(program: string, args: readonly string[], pattern: RegExp): Promise<string> {
  const result: unknown = await run(program, [...args], { timeout: VERSION_TIMEOUT_MS }).catch(
    (error: unknown) => error,
  )
  const output = ['stdout', 'stderr'].map(name => member(result, name))
  return pattern.exec(output.filter(text => typeof text === 'string').join('\n'))?.[1] ?? 'not installed'
}

function ownVersion(): string {
  return String(member(JSON.parse(readFileSync(PACKAGE, 'utf8')), 'version'))
}
