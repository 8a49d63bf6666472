/** Runs one lab: its folders, its parts, and the table at the end. */
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { join, resolve } from 'node:path'
import { alignedText } from '../bench/report/aligned-text.ts'
import { makeFolder } from '../src/files/make-folder.js'
import type { Lab, LabContext } from './report/lab.ts'
import { isAllRight, markdownOf, resultRows } from './report/result-table.ts'

export interface LabSelection {
  readonly cache: string
  /** Names of the parts to run. */
  readonly parts: readonly string[]
  /** Keeps the logs even if all is right. */
  readonly keep: boolean
}

export interface LabOutcome {
  readonly isRight: boolean
  readonly markdown: string
}

/** @throws Error if the lab could not be set up; its logs are kept then. */
export async function runLab(
  lab: Lab,
  { cache, parts, keep }: LabSelection,
  { signal, log }: Pick<LabContext, 'signal' | 'log'>,
): Promise<LabOutcome> {
  const cacheFolder = resolve(cache)
  makeFolder(join(cacheFolder, 'runs'))
  const runFolder = mkdtempSync(join(cacheFolder, 'runs', `${lab.name}-`))
  log(`logs: ${runFolder}`)
  const run = await lab.run({ cacheFolder, runFolder, parts, signal, log })
  const isRight = !signal.aborted && isAllRight(run, parts)
  const markdown = markdownOf(run, about(new Date()))
  log(`\n${markdown.split('\n')[0]}\n\n${alignedText(run.table ?? resultRows(run.results))}`)
  for (const { part, wrong } of run.results) for (const line of wrong) log(`wrong in ${part}: ${line}`)
  if (isRight && !keep) rmSync(runFolder, { recursive: true, force: true })
  return { isRight, markdown }
}

function about(now: Date): string {
  const cores = cpus()
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`
  return `${now.toISOString().slice(0, 10)}, ${cores.length} cores of ${cores[0]?.model.trim() ?? 'unknown'}, ${memory}, no GPU`
}
