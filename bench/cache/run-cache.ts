/**
 * `bench cache`: how much of the prompts is found in the engines' prefix caches, depending on who chooses the engines: a
 * load that is pinned to them, the gateway with its policies, or other routers. One after another, on one machine.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { messageOf } from '../../src/core/text/error-text.ts'
import { openFilesLimit } from '../../src/process/descriptor-budget.ts'
import { readLimits } from '../../src/process/descriptor-limits.ts'
import { EXIT } from '../command/exit.ts'
import { replaceTable } from '../command/replace-table.ts'
import type { BenchTerminal } from '../command/terminal.ts'
import type { Goal } from '../report/goal-lines.ts'
import { machineOf, versionsOf } from '../routers/report/machine.ts'
import { pythonEnvironment } from '../routers/start/python-environment.ts'
import type { Router } from '../routers/start/router-list.ts'
import type { Cell } from './cell.ts'
import { type Chooser, chooserOf } from './choosers.ts'
import { changesGoals, indexGoals, workloadGoals } from './goals.ts'
import type { ChooserName, ExtraName, WorkloadName } from './names.ts'
import { type CacheRow, rowOf } from './rows.ts'
import { type CellOptions, runCell } from './run-cell.ts'
import { runChanges } from './run-changes.ts'
import { runIndex } from './run-index.ts'
import { type CacheReport, markdownReport, textReport } from './table.ts'
import { type Workload, workloads } from './workloads.ts'

export interface CacheOptions {
  readonly workloads: readonly WorkloadName[]
  readonly choosers: readonly ChooserName[]
  readonly extras: readonly ExtraName[]
  /** Rounds of each load; the table has their medians. */
  readonly rounds: number
  /** Fewer requests: shows that everything works, but not how well. */
  readonly isQuick: boolean
  readonly format: 'text' | 'markdown' | 'json'
  /** Exits with 1 when a goal is missed. */
  readonly check: boolean
  /** Document whose table is replaced. */
  readonly write: string | undefined
}

const SETTLE_MS = { quick: 2000, whole: 15_000 }
const MILLION_BLOCKS = { quick: 1, whole: 10 }
/** Name of the markers in a document. */
const MARKERS = ['cache']

/** @returns the exit code, one of `EXIT`. @throws Error when engines do not start. */
export async function runCache(options: CacheOptions, terminal: BenchTerminal): Promise<number> {
  const report = await measure(options, terminal)
  if (terminal.signal.aborted) return EXIT.interrupted
  if (options.write === undefined) terminal.out(FORMATS[options.format](report))
  else replaceTable(options.write, markdownReport(report), MARKERS)
  const missed = report.goals.filter(({ isMet }) => !isMet)
  if (!options.check || missed.length === 0) return EXIT.ok
  for (const { text, measured } of missed) terminal.err(`missed: ${text} (${measured})\n`)
  return EXIT.failures
}

const FORMATS: Readonly<Record<CacheOptions['format'], (report: CacheReport) => string>> = {
  text: textReport,
  markdown: report => `${markdownReport(report)}\n`,
  json: report => `${JSON.stringify(report, undefined, 2)}\n`,
}

async function measure(options: CacheOptions, { err, signal }: BenchTerminal): Promise<CacheReport> {
  const statBefore = readFileSync('/proc/stat', 'utf8')
  const log = (line: string) => err(`${line}\n`)
  // The checks besides the workloads are of the gateway alone.
  const names = options.workloads.length === 0 ? (['gateway'] as const) : options.choosers
  const choosers = names.map(chooserOf)
  const routers = routersOf(choosers)
  const python = await pythonEnvironment(
    routers.flatMap(router => router.package ?? []),
    log,
  )
  const folder = mkdtempSync(join(tmpdir(), 'pd-gateway-cache-'))
  try {
    const run = { folder, python, signal, log, rounds: options.rounds }
    const chosen = workloads(options.isQuick).filter(({ name }) => options.workloads.includes(name))
    const rows: CacheRow[] = []
    for (const workload of chosen) rows.push(...(await rowsOf(workload, choosers, run)))
    const goals = [...workloadGoals(rows), ...(await extraGoals(options, signal, log))]
    const versions = await versionsOf(routers, python)
    return { machine: machineOf(statBefore, openFilesLimit(readLimits())), versions, rows, goals }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function routersOf(choosers: readonly Chooser[]): readonly Router[] {
  return [...new Set(choosers.flatMap(({ router }) => router ?? []))]
}

interface Run extends CellOptions {
  readonly rounds: number
  readonly log: (line: string) => void
}

/** Choosers take turns in every round; one that fails does not stop the others. */
async function rowsOf(workload: Workload, choosers: readonly Chooser[], run: Run): Promise<CacheRow[]> {
  const found = choosers.map(chooser => ({
    chooser,
    cells: new Array<Cell>(),
    failure: undefined as string | undefined,
  }))
  for (let round = 1; round <= run.rounds; round++) {
    for (const entry of found) {
      if (run.signal.aborted || entry.failure !== undefined) continue
      run.log(`${workload.name}: round ${round} of ${run.rounds}, ${entry.chooser.name}`)
      try {
        entry.cells.push(await runCell(workload, entry.chooser, run))
      } catch (error) {
        entry.failure = messageOf(error)
        run.log(`${workload.name}: ${entry.chooser.name}: ${entry.failure}`)
      }
    }
  }
  return found.map(({ chooser, cells, failure }) =>
    rowOf({ workload: workload.name, chooser: chooser.name }, cells, failure),
  )
}

async function extraGoals(
  { extras, isQuick }: CacheOptions,
  signal: AbortSignal,
  log: (line: string) => void,
): Promise<Goal[]> {
  const size = isQuick ? 'quick' : 'whole'
  const goals: Goal[] = []
  for (const name of extras) {
    if (signal.aborted) break
    log(name)
    if (name === 'changes') goals.push(...changesGoals(await runChanges(SETTLE_MS[size], signal)))
    else goals.push(...indexGoals(await runIndex(MILLION_BLOCKS[size], signal)))
  }
  return goals
}
