/**
 * `npm run bench -- peers`: the routers that users would pick instead, beside ours, in one table.
 *
 * What is measured has core 0; engines, load and this process have core 1. Exit codes: 0 done, 1 an aim was missed
 * (with --check), 2 it could not be run, 130 interrupted.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EXIT } from '../command/exit.ts'
import { descriptorLimit } from '../load/descriptors.ts'
import { Children, LOAD_CORE } from '../speed/children.ts'
import { missingPackages } from '../process/needed-programs.ts'
import { aimsOf } from './report/goals.ts'
import { withTable } from './report/document.ts'
import { loads } from './loads/loads.ts'
import { machineOf, versionsOf } from './report/machine.ts'
import { type PeersOptions, parsePeersOptions } from '../cli/routers.ts'
import { DIRECT, playPeers } from './rounds/run-rounds.ts'
import { pythonEnvironment } from './start/python-environment.ts'
import { ROUTERS } from './start/router-list.ts'
import { rowsOf } from './report/rows.ts'
import { markdownReport, type PeersReport, textReport } from './report/table.ts'

/** Requests of the largest load; a proxy has two descriptors for each. */
const BURST = 10_000
const DESCRIPTORS_RESERVE = 200

export async function benchPeers(args: readonly string[], signal: AbortSignal): Promise<number> {
  const options = parsePeersOptions(args)
  const missing = missingPackages(['wrk', 'taskset'])
  if (missing.length > 0) throw new Error(`missing: apt-get install ${missing.join(' ')}`)
  const report = await measured(options, signal)
  if (options.write === undefined) process.stdout.write(TEXT[options.form](report))
  else {
    const document = withTable(readFileSync(options.write, 'utf8'), markdownReport(report))
    writeFileSync(options.write, document)
  }
  const isMissed = options.check && report.aims.some(({ isMet }) => !isMet)
  if (signal.aborted) return EXIT.interrupted
  return isMissed ? EXIT.failures : EXIT.ok
}

const TEXT: Readonly<Record<PeersOptions['form'], (report: PeersReport) => string>> = {
  text: textReport,
  markdown: report => `${markdownReport(report)}\n`,
  json: report => `${JSON.stringify(report, undefined, 2)}\n`,
}

async function measured(options: PeersOptions, signal: AbortSignal): Promise<PeersReport> {
  // Children inherit it; the routers are then given the other core.
  execFileSync('taskset', ['-acp', String(LOAD_CORE), String(process.pid)], { stdio: 'ignore' })
  const statBefore = readFileSync('/proc/stat', 'utf8')
  const routers = ROUTERS.filter(({ name }) => options.routers.includes(name))
  const environment = await pythonEnvironment(routers.flatMap(router => router.package ?? []))
  const openFiles = descriptorLimit()
  const burst = Math.min(BURST, Math.floor((openFiles - DESCRIPTORS_RESERVE) / 2))
  const chosen = loads({ seconds: options.seconds, burst }).filter(({ name }) => options.loads.includes(name))
  const children = new Children()
  children.stopAtExit()
  const folder = mkdtempSync(join(tmpdir(), 'pd-gateway-peers-'))
  try {
    const common = { children, folder, environment, routers, maxConnections: burst, signal, say }
    const { rounds, passes, seconds } = options
    const results = await playPeers({ ...common, rounds, passes, seconds, loads: chosen })
    const names = { routers: options.routers, direct: DIRECT }
    const rows = chosen.flatMap(load => rowsOf(load, results.of(load.name), names))
    const versions = await versionsOf(routers, environment)
    return { machine: machineOf(statBefore, openFiles), versions, rows, aims: aimsOf(rows) }
  } finally {
    children.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}
