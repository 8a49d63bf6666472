/** Programs that a bench needs, and the Debian packages that bring them. */
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

const PACKAGES = { wrk: 'wrk', haproxy: 'haproxy', taskset: 'util-linux' }

/** Packages of those programs that are not on the PATH. */
export function missingPackages(
  programs: readonly (keyof typeof PACKAGES)[],
  path = process.env['PATH'] ?? '',
): readonly string[] {
  return programs.filter(program => !isInstalled(program, path)).map(program => PACKAGES[program])
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
