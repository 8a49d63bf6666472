/** Programs that a bench needs, and the Debian packages that contain them. */
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

type Program = keyof typeof PACKAGES

const PACKAGES = { wrk: 'wrk', haproxy: 'haproxy', taskset: 'util-linux', prlimit: 'util-linux' }

/** Packages of the programs that are not on the PATH. */
export function missingPackages(
  programs: readonly Program[],
  path = process.env['PATH'] ?? '',
): readonly string[] {
  return [
    ...new Set(programs.filter(program => !isInstalled(program, path)).map(program => PACKAGES[program])),
  ]
}

/** @throws Error that says how to install what is missing. */
export function requirePrograms(programs: readonly Program[]): void {
  const missing = missingPackages(programs)
  if (missing.length > 0) throw new Error(`Programs are missing: run apt-get install ${missing.join(' ')}`)
}

function isInstalled(program: string, path: string): boolean {
  return path.split(delimiter).some(folder => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
