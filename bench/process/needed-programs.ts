/** Programs that a bench needs, and the Debian packages that bring them. */
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

type Program = keyof typeof PACKAGES

const PACKAGES = { wrk: 'wrk', haproxy: 'haproxy', taskset: 'util-linux' }

/** Packages of those programs that are not on the PATH. */
export function missingPackages(
  programs: readonly Program[],
  path = process.env['PATH'] ?? '',
): readonly string[] {
  return programs.filter(program => !isInstalled(program, path)).map(program => PACKAGES[program])
}

/** Ends the process with exit code 2 when one is not there, and says how to get it. */
export function requirePrograms(programs: readonly Program[]): void {
  const missing = missingPackages(programs)
  if (missing.length === 0) return
  process.stderr.write(`missing: apt-get install ${missing.join(' ')}\n`)
  process.exit(2)
}

function isInstalled(program: string, path: string): boolean {
  return path.split(delimiter).some(place => {
    try {
      accessSync(join(place, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
