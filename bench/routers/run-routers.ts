/**
 * `bench routers`: the gateway and the routers that users would choose instead, compared in one table.
 *
 * Routers run on core 0, engines and load on core 1.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openFilesLimit } from '../../src/process/descriptor-budget.ts'
import { readLimits } from '../../src/process/descriptor-limits.ts'
import { EXIT } from '../command/exit.ts'
import { replaceTable } from '../command/replace-table.ts'
import type { BenchTerminal } from '../command/terminal.ts'
import { moveToLoadCore } from '../process/cores.ts'
import { requirePrograms } from '../process/needed-programs.ts'
import { loads } from './loads/loads.ts'
import type { LoadName, RouterName } from './loads/names.ts'
import { goalsOf } from './report/goals.ts'
import { machineOf, versionsOf, wrkVersion } from './report/machine.ts'
import { rowsOf } from './report/rows.ts'
import { markdownReport, type RoutersReport, textReport } from './report/table.ts'
import { DIRECT, runRounds } from './rounds/run-rounds.ts'
import { pythonEnvironment } from './start/python-environment.ts'
import { ROUTERS } from './start/router-list.ts'

export interface RoutersOptions {
  /** Measured rounds of each load against canned engines. */
  readonly rounds: number
  /** Rounds of each load against slow or stressed engines. */
  readonly passes: number
  /** Length of a round of wrk. */
  readonly seconds: number
  readonly loads: readonly LoadName[]
  readonly routers: readonly RouterName[]
  readonly format: 'text' | 'markdown' | 'json'
  /** Exits with 1 when a goal is missed. */
  readonly check: boolean
  /** Document whose table is replaced. */
  readonly write: string | undefined
}

/** Concurrent requests of the largest load; a proxy needs two descriptors for each. */
const BURST = 10_000
const DESCRIPTORS_RESERVE = 200
const WARM_UP_SECONDS = 4

/** @returns the exit code, one of `EXIT`. @throws Error when programs are missing or the engines do not start. */
export async function runRouters(options: RoutersOptions, terminal: BenchTerminal): Promise<number> {
  requirePrograms(['wrk', 'taskset'])
  const report = await measure(options, terminal)
  if (options.write === undefined) terminal.out(FORMATS[options.format](report))
  else replaceTable(options.write, markdownReport(report), MARKERS)
  if (terminal.signal.aborted) return EXIT.interrupted
  return options.check && report.goals.some(({ isMet }) => !isMet) ? EXIT.failures : EXIT.ok
}

/** Documents written for the former name of the bench have `peers` in the markers. */
const MARKERS = ['routers', 'peers']

const FORMATS: Readonly<Record<RoutersOptions['format'], (report: RoutersReport) => string>> = {
  text: textReport,
  markdown: report => `${markdownReport(report)}\n`,
  json: report => `${JSON.stringify(report, undefined, 2)}\n`,
}

async function measure(options: RoutersOptions, { err, signal }: BenchTerminal): Promise<RoutersReport> {
  moveToLoadCore()
  const statBefore = readFileSync('/proc/stat', 'utf8')
  const log = (line: string) => err(`${line}\n`)
  const routers = ROUTERS.filter(({ name }) => options.routers.includes(name))
  const python = await pythonEnvironment(
    routers.flatMap(router => router.package ?? []),
    log,
  )
  const openFiles = openFilesLimit(readLimits())
  const burst = Math.min(BURST, Math.floor((openFiles - DESCRIPTORS_RESERVE) / 2))
  const { rounds, passes, seconds } = options
  const wanted: readonly string[] = options.loads
  const chosen = loads({ seconds, burst }).filter(({ name }) => wanted.includes(name))
  const folder = mkdtempSync(join(tmpdir(), 'pd-gateway-routers-'))
  try {
    const results = await runRounds({
      folder,
      python,
      routers,
      externalTargets: [],
      maxConnections: burst,
      loads: chosen,
      rounds,
      passes,
      seconds,
      warmUpSeconds: WARM_UP_SECONDS,
      signal,
      log,
    })
    const names = { routers: options.routers, direct: DIRECT }
    const rows = chosen.flatMap(load => rowsOf(load, results.of(load.name), names))
    const versions = { ...(await versionsOf(routers, python)), wrk: await wrkVersion() }
    return { machine: machineOf(statBefore, openFiles), versions, rows, goals: goalsOf(rows) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
