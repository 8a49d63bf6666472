/** What a lab is: a set of parts that run real programs with the gateway. */
import type { PartResult } from './part.ts'

export interface LabContext {
  /** Folder for what later runs use again: Python environments, downloads, models. It exists. */
  readonly cacheFolder: string
  /** Folder for the logs of this run. It exists and is empty. */
  readonly runFolder: string
  /** Names of the parts to run, in the order of the lab. */
  readonly parts: readonly string[]
  /** Aborted by Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal
  readonly log: (line: string) => void
}

export interface LabRun {
  /** Program -> version, as the programs themselves report it where they do. */
  readonly versions: Readonly<Record<string, string>>
  /** In the order in which they ran; parts that did not run are missing. */
  readonly results: readonly PartResult[]
  /** Head and rows of a table to show instead of the one of the parts. */
  readonly table?: readonly (readonly string[])[]
}

export interface Lab {
  readonly name: string
  readonly description: string
  /** Names of all parts, in the order in which they run. */
  readonly parts: readonly string[]
  /** Stops everything that it starts before it returns or throws. @throws Error if the lab could not be set up. */
  readonly run: (context: LabContext) => Promise<LabRun>
}
