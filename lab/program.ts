/** The command line of the labs: one command for each, with the same flags. */
import { join } from 'node:path'
import { Command } from 'commander'
import { EXIT } from '../bench/command/exit.ts'
import { replaceTable } from '../bench/command/replace-table.ts'
import { untilInterrupted } from '../bench/command/until-interrupted.ts'
import { namesOf } from '../bench/flags/values.ts'
import { messageOf } from '../src/core/text/error-text.ts'
import { cacheFolder } from '../src/files/cache-folder.js'
import type { SignalDependencies } from '../src/process/stop-signals.ts'
import type { Lab } from './report/lab.ts'
import { runLab } from './run-lab.ts'

export interface LabDependencies extends SignalDependencies {
  readonly out: (text: string) => void
  readonly env: Readonly<Record<string, string | undefined>>
}

interface LabFlags {
  readonly only?: readonly string[]
  readonly keep?: boolean
  readonly cache?: string
  readonly write?: string
}

/** The program calls `deps.exit` with one of `EXIT` when the lab has ended. */
export function labProgram(labs: readonly Lab[], deps: LabDependencies): Command {
  const program = new Command('npm run lab --').description(
    'Run real engines or real clients with the gateway, and compare what they do with what is expected.',
  )
  for (const lab of labs) addLab(program, lab, deps)
  return program
}

function addLab(program: Command, lab: Lab, deps: LabDependencies): void {
  program
    .command(lab.name)
    .description(lab.description)
    .option('--only <part...>', `Run only these parts: ${lab.parts.join(', ')}.`, namesOf(lab.parts))
    .option('--keep', 'Keep the logs of the run, which are otherwise deleted if all is right.')
    .option(
      '--cache <folder>',
      'Folder for installed packages and logs. (default: in the cache folder of the user)',
    )
    .option('--write <document>', 'Document whose table of this lab is replaced.')
    .action(async (flags: LabFlags) => deps.exit(await exitCodeOf(lab, flags, deps)))
}

async function exitCodeOf(lab: Lab, flags: LabFlags, deps: LabDependencies): Promise<number> {
  const log = (line: string) => deps.out(`${line}\n`)
  return untilInterrupted(deps, async signal => {
    try {
      const { isRight, markdown } = await runLab(
        lab,
        { cache: cacheOf(flags, deps), parts: partsOf(lab, flags), keep: flags.keep ?? false },
        { signal, log },
      )
      if (signal.aborted) return EXIT.interrupted
      if (flags.write !== undefined) replaceTable(flags.write, markdown, [`lab ${lab.name}`])
      return isRight ? EXIT.ok : EXIT.failures
    } catch (error) {
      log(signal.aborted ? 'interrupted' : `lab: ${messageOf(error)}`)
      return signal.aborted ? EXIT.interrupted : EXIT.unusable
    }
  })
}

/** @throws Error if there is no folder to use. */
function cacheOf({ cache }: LabFlags, { env }: LabDependencies): string {
  if (cache !== undefined) return cache
  const shared = cacheFolder(env)
  if (shared === undefined) throw new Error('There is no cache folder: use --cache or set XDG_CACHE_HOME')
  return join(shared, 'lab')
}

/** In the order of the lab, whatever the order of the flags. */
function partsOf(lab: Lab, { only }: LabFlags): readonly string[] {
  return only === undefined ? lab.parts : lab.parts.filter(part => only.includes(part))
}
