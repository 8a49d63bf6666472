/**
 * The Python virtual environment of the compared routers: created by the first run and kept in the user's cache folder.
 *
 * Each router is installed by itself and without its dependencies, so that one that cannot be installed does not prevent
 * the others, and no gigabytes of engine packages are downloaded. What the launchers import is installed separately.
 */

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { messageOf } from '../../../src/core/text/error-text.ts'
import { cacheFolder } from '../../../src/files/cache-folder.js'
import type { PythonPackage } from './router-list.ts'

export interface PythonEnvironment {
  readonly python: string
  /** Package -> why it could not be installed. */
  readonly missing: ReadonlyMap<string, string>
}

/** For routers without Python packages. */
export const NO_PYTHON: PythonEnvironment = { python: '', missing: new Map() }

/** Packages that the launchers of the routers import at startup. */
const IMPORTED = [
  'setproctitle==1.3.8',
  'aiohttp==3.14.5',
  'orjson==3.13.0',
  'uvicorn==0.54.0',
  'fastapi==0.165.0',
  'requests==2.34.2',
]
const INSTALL_LIMIT_MS = 180_000
const run = promisify(execFile)

/** Never throws: a package that cannot be installed is part of the result. */
export async function pythonEnvironment(
  packages: readonly PythonPackage[],
  log: (line: string) => void,
): Promise<PythonEnvironment> {
  if (packages.length === 0) return NO_PYTHON
  const install = (wanted: readonly string[], flags: readonly string[]) =>
    installed(python, wanted, flags, log)
  const cache = cacheFolder(process.env)
  if (cache === undefined) return withoutAny(packages, 'no home folder: set XDG_CACHE_HOME')
  const folder = join(cache, 'routers')
  const python = join(folder, 'bin', 'python')
  // An environment whose creation was interrupted has no pip.
  const usable = (await failureOf(python, ['-m', 'pip', '--version'])) === undefined
  const createFailure = usable ? undefined : await failureOf('python3', ['-m', 'venv', '--clear', folder])
  const sharedFailure = createFailure ?? (await install(IMPORTED, []))
  const missing = new Map<string, string>()
  for (const { name, version } of packages) {
    const failure = sharedFailure ?? (await install([`${name}==${version}`], ['--no-deps']))
    if (failure !== undefined) missing.set(name, failure)
  }
  return { python, missing }
}

function withoutAny(packages: readonly PythonPackage[], reason: string): PythonEnvironment {
  return { python: '', missing: new Map(packages.map(({ name }) => [name, reason])) }
}

/** Installs only what is missing, so that a second run needs no package index. */
async function installed(
  python: string,
  wanted: readonly string[],
  flags: readonly string[],
  log: (line: string) => void,
): Promise<string | undefined> {
  const have = await run(python, ['-m', 'pip', 'freeze', '--all'], { timeout: INSTALL_LIMIT_MS }).catch(
    () => ({ stdout: '' }),
  )
  const lacking = wanted.filter(requirement => !have.stdout.split('\n').includes(requirement))
  if (lacking.length === 0) return undefined
  log(`installing ${lacking.join(', ')}`)
  return failureOf(python, ['-m', 'pip', 'install', '--quiet', ...flags, ...lacking])
}

async function failureOf(program: string, args: readonly string[]): Promise<string | undefined> {
  try {
    await run(program, [...args], { timeout: INSTALL_LIMIT_MS })
    return undefined
  } catch (error) {
    return errorLine(error)
  }
}

/** The last line of standard error that starts with ERROR, as pip prints it; otherwise the last line. */
export function errorLine(error: unknown): string {
  const stderr: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'stderr') : ''
  const lines = (typeof stderr === 'string' ? stderr : '').trim().split('\n')
  const line = lines.findLast(candidate => candidate.startsWith('ERROR')) ?? lines.at(-1) ?? ''
  return line !== '' ? line : messageOf(error)
}
