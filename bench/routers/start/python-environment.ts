/**
 * The peers' virtual environment: made at the first run, kept in the user's cache folder for the next ones.
 *
 * Each peer is installed by itself and without its dependencies, so that one that cannot be had does not take the
 * others with it, and no packages of gigabytes come along that only an engine needs. What the peers import is
 * installed beside them.
 */

import { execFile } from 'node:child_process'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { messageOf } from '../../../src/core/error-text.ts'
import type { PeerPackage } from './router-list.ts'

export interface PythonEnvironment {
  readonly python: string
  /** Package -> why it is not there. */
  readonly missing: ReadonlyMap<string, string>
}

/** What the launchers of the peers import at their start. */
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

/** Never throws: what cannot be installed is a result, too. */
export async function pythonEnvironment(packages: readonly PeerPackage[]): Promise<PythonEnvironment> {
  const folder = join(cacheFolder(process.env), 'pd-gateway', 'peers')
  const python = join(folder, 'bin', 'python')
  // One whose making was cut short has no pip yet.
  const isUsable = (await complaintOf(python, ['-m', 'pip', '--version'])) === undefined
  const made = isUsable ? undefined : await complaintOf('python3', ['-m', 'venv', '--clear', folder])
  const shared = made ?? (await installed(python, IMPORTED, []))
  const missing = new Map<string, string>()
  for (const { name, version } of packages) {
    // oxlint-disable-next-line no-await-in-loop -- pip must not run twice in one environment
    const complaint = shared ?? (await installed(python, [`${name}==${version}`], ['--no-deps']))
    if (complaint !== undefined) missing.set(name, complaint)
  }
  return { python, missing }
}

/** The XDG rule: the variable when it is an absolute path, else `~/.cache`. */
export function cacheFolder(env: NodeJS.ProcessEnv): string {
  const named = env['XDG_CACHE_HOME'] ?? ''
  return named.startsWith('/') ? named : join(homedir(), '.cache')
}

/** Asks pip only for what is not there yet: a second run needs no index. */
async function installed(
  python: string,
  wanted: readonly string[],
  flags: readonly string[],
): Promise<string | undefined> {
  const have = await run(python, ['-m', 'pip', 'freeze', '--all'], { timeout: INSTALL_LIMIT_MS }).catch(
    () => ({ stdout: '' }),
  )
  const lacking = wanted.filter(one => !have.stdout.split('\n').includes(one))
  if (lacking.length === 0) return undefined
  process.stderr.write(`installing ${lacking.join(', ')}\n`)
  return complaintOf(python, ['-m', 'pip', 'install', '--quiet', ...flags, ...lacking])
}

async function complaintOf(program: string, args: readonly string[]): Promise<string | undefined> {
  try {
    await run(program, [...args], { timeout: INSTALL_LIMIT_MS })
    return undefined
  } catch (error) {
    return errorLine(error)
  }
}

/** The last line that says ERROR, as pip does, else the last one at all. */
export function errorLine(error: unknown): string {
  const stderr: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'stderr') : ''
  const lines = (typeof stderr === 'string' ? stderr : '').trim().split('\n')
  const told = lines.findLast(line => line.startsWith('ERROR')) ?? lines.at(-1) ?? ''
  return told !== '' ? told : messageOf(error)
}
