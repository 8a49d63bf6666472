/** The model of the lab's engines: made once, from a seed, and kept in the cache folder. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder } from '../../../src/files/make-folder.js'
import { runProgram } from '../../python/run-program.ts'

const MAKER = join(import.meta.dirname, '..', 'python', 'make_model.py')

export interface ModelOptions {
  readonly cacheFolder: string
  readonly python: string
  readonly logPath: string
  readonly signal: AbortSignal
}

/** Resolves with its folder, whose name changes with the script. @throws Error if the script fails. */
export async function modelFolder({ cacheFolder, python, logPath, signal }: ModelOptions): Promise<string> {
  const hash = createHash('sha256').update(readFileSync(MAKER)).digest('hex').slice(0, 12)
  const folder = join(cacheFolder, 'models', `tiny-${hash}`)
  if (existsSync(folder)) return folder
  makeFolder(join(cacheFolder, 'models'))
  const unfinished = `${folder}-unfinished`
  rmSync(unfinished, { recursive: true, force: true })
  const env = { OMP_NUM_THREADS: '1' }
  await runProgram({ program: python, args: [MAKER, unfinished], logPath, env }, signal)
  renameSync(unfinished, folder)
  return folder
}
