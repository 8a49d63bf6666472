/** What the lab needs on the machine: packages of Debian, of PyPI in environments of their own, and of npm in a folder. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder } from '../../../src/files/make-folder.js'
import { pythonEnvironment, requirementOf } from '../../python/python-environment.ts'
import type { LabContext } from '../../report/lab.ts'
import { runLimited, runSuccessfully } from '../programs/run-limited.ts'

/** Sets of packages that agree with each other; each has a file of requirements with this name. */
export type EnvironmentName = 'sdks' | 'aiperf' | 'guidellm' | 'benches'

const INTERPRETER = 'python3.11'
const INSTALL_LIMIT_MS = 1_800_000
const QUERY_LIMIT_MS = 30_000

/** Resolves with the folder of the environment's programs, which is created if it does not exist yet. */
export async function environmentPrograms(name: EnvironmentName, context: LabContext): Promise<string> {
  const { cacheFolder, runFolder, signal, log } = context
  const python = await pythonEnvironment({
    cacheFolder,
    signal,
    log,
    interpreter: INTERPRETER,
    name: `clients-${name}`,
    requirementsPath: requirementsPath(name),
    // The files name every package that is used, and leave out what only the engines need that benches belong to.
    installFlags: ['--no-deps'],
    logPath: join(runFolder, 'installation.log'),
  })
  return join(python, '..')
}

/** The version that the environment's requirements pin. */
export function pinnedVersion(environment: EnvironmentName, distribution: string): string {
  const requirements = readFileSync(requirementsPath(environment), 'utf8')
  return requirementOf(distribution, requirements).split('==')[1] ?? ''
}

/** Resolves with the path of the package's `package.json`; it is installed into the cache folder first if it is missing. */
export async function nodePackage(name: string, version: string, context: LabContext): Promise<string> {
  const folder = join(context.cacheFolder, 'node', `${name}-${version}`)
  const path = join(folder, 'node_modules', name, 'package.json')
  if (existsSync(path)) return path
  makeFolder(folder)
  context.log(`installing ${name} ${version} into ${folder}`)
  const args = ['install', '--prefix', folder, '--no-save', '--no-audit', '--no-fund', `${name}@${version}`]
  await runSuccessfully({ program: 'npm', args, limitMs: INSTALL_LIMIT_MS, signal: context.signal })
  return path
}

/** Version of a package of Debian. @throws Error that says how to install it if it is missing. */
export async function debianVersion(name: string, signal: AbortSignal): Promise<string> {
  const args = ['--show', '--showformat', '${db:Status-Abbrev}${Version}', name]
  const { stdout } = await runLimited({ program: 'dpkg-query', args, limitMs: QUERY_LIMIT_MS, signal })
  if (!stdout.startsWith('ii '))
    throw new Error(`The program ${name} is missing: run apt-get install ${name}`)
  return stdout.slice('ii '.length)
}

function requirementsPath(name: EnvironmentName): string {
  return join(import.meta.dirname, '..', 'requirements', `${name}.txt`)
}
