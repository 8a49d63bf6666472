/** A Python environment with pinned packages in the cache folder: created by the first run, used again by later ones. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder } from '../../src/files/make-folder.js'
import { runProgram } from './run-program.ts'

export interface PythonOptions {
  /** Folder that holds environments, one for each name. */
  readonly cacheFolder: string
  readonly name: string
  /** Program that creates the environment, such as `python3.11`. */
  readonly interpreter: string
  /** Path of a requirements file with exact versions, `uv` among them: it installs the others. */
  readonly requirementsPath: string
  /** More flags for the installation of the requirements. */
  readonly installFlags?: readonly string[]
  readonly logPath: string
  readonly signal: AbortSignal
  readonly log: (line: string) => void
}

/** The caller's certificates, because a mirror of the package index may have its own authority. */
const SYSTEM_CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt'
/** Holds the requirements that are installed; written last, so that an interrupted installation is not taken for one. */
const MARKER = 'installed-requirements.txt'

/** Resolves with the path of the environment's interpreter. @throws Error if it cannot be created. */
export async function pythonEnvironment(options: PythonOptions): Promise<string> {
  const folder = join(options.cacheFolder, 'python', options.name)
  const python = join(folder, 'bin', 'python')
  const wanted = readFileSync(options.requirementsPath, 'utf8')
  if (installedIn(folder) === wanted) return python
  makeFolder(join(options.cacheFolder, 'python'))
  options.log(`installing the Python packages of ${options.name} into ${folder}`)
  const { logPath, signal } = options
  const run = (program: string, args: readonly string[]) =>
    runProgram({ program, args, logPath, env: environmentOf(options.cacheFolder, folder) }, signal)
  await run(options.interpreter, ['-m', 'venv', '--clear', folder])
  await run(python, ['-m', 'pip', 'install', '--quiet', requirementOf('uv', wanted)])
  // Compiled code halves the time that an engine takes to start.
  const flags = ['--compile-bytecode', ...(options.installFlags ?? [])]
  const install = ['pip', 'install', ...flags, '--requirement', options.requirementsPath]
  await run(join(folder, 'bin', 'uv'), install)
  writeFileSync(join(folder, MARKER), wanted)
  return python
}

/** @throws Error if the requirements do not pin the package. */
export function requirementOf(name: string, requirements: string): string {
  const found = requirements.split('\n').find(line => line.startsWith(`${name}==`))
  if (found === undefined) throw new Error(`The requirements must pin ${name}: add a line ${name}==VERSION`)
  return found.trim()
}

function installedIn(folder: string): string | undefined {
  const path = join(folder, MARKER)
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined
}

function environmentOf(cacheFolder: string, folder: string): Record<string, string> {
  const certificates =
    process.env['SSL_CERT_FILE'] === undefined && existsSync(SYSTEM_CERTIFICATES)
      ? { SSL_CERT_FILE: SYSTEM_CERTIFICATES }
      : {}
  return { ...certificates, VIRTUAL_ENV: folder, UV_CACHE_DIR: join(cacheFolder, 'uv') }
}
