/**
 * `bench speed`: CPU time per request and per relayed chunk of the gateway, as a multiple of haproxy's.
 *
 * Targets run on core 0, engines and wrk on core 1. All connections are kept alive.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EXIT } from '../command/exit.ts'
import type { BenchTerminal } from '../command/terminal.ts'
import { moveToLoadCore } from '../process/cores.ts'
import { requirePrograms } from '../process/needed-programs.ts'
import { stealShare } from '../process/process-cost.ts'
import type { Results } from './costs/results.ts'
import { speedLoads } from './loads/loads.ts'
import type { SpeedLoadName } from './loads/names.ts'
import { missedRows, type SpeedRow, speedRowsOf, speedTable } from './report/speed-table.ts'
import { runRounds } from './rounds/run-rounds.ts'
import { NO_PYTHON } from './start/python-environment.ts'
import { speedRouters } from './start/router-list.ts'
import type { Target } from './start/running-router.ts'

export interface SpeedOptions {
  /** Measured rounds of each load, after one warm-up round. */
  readonly rounds: number
  /** Length of a round. */
  readonly seconds: number
  readonly only: readonly SpeedLoadName[]
  readonly json: boolean
  /** Exits with 1 when a goal is missed. */
  readonly check: boolean
  /** Replaces the gateway with a second haproxy: shows what the noise of the machine alone does to the ratios. */
  readonly noise: boolean
  /** Routers that already run, measured too. */
  readonly extraTargets: readonly Target[]
}

const MAX_CONNECTIONS = 4000

/** @returns the exit code, one of `EXIT`. @throws Error when programs are missing or the engines do not start. */
export async function runSpeed(options: SpeedOptions, { out, err, signal }: BenchTerminal): Promise<number> {
  requirePrograms(['wrk', 'haproxy', 'taskset'])
  moveToLoadCore()
  const statBefore = readFileSync('/proc/stat', 'utf8')
  const { rounds, seconds, extraTargets } = options
  const folder = mkdtempSync(join(tmpdir(), 'pd-gateway-speed-'))
  const [routers, loads] = [speedRouters(options.noise), speedLoads(options.only)]
  const names = [...routers, ...extraTargets].map(({ name }) => name)
  try {
    const results = await runRounds({
      folder,
      python: NO_PYTHON,
      routers,
      externalTargets: extraTargets,
      maxConnections: MAX_CONNECTIONS,
      loads,
      rounds,
      seconds,
      passes: 0,
      warmUpSeconds: 0,
      signal,
      log: line => err(`${line}\n`),
    })
    const rows = loads.flatMap(({ shape }) => speedRowsOf(shape, samplesOf(results, shape.name, names)))
    const steal = stealShare(statBefore, readFileSync('/proc/stat', 'utf8'))
    out(options.json ? `${JSON.stringify({ steal, rows })}\n` : textOf(rows, steal))
    if (signal.aborted) return EXIT.interrupted
    const hasFailed = loads.some(({ name }) => names.some(target => results.hasFailed(name, target)))
    return hasFailed || (options.check && missedRows(rows).length > 0) ? EXIT.failures : EXIT.ok
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function samplesOf(results: Results, load: string, names: readonly string[]) {
  const outcomes = results.of(load)
  return new Map(names.map(name => [name, outcomes.get(name)?.samples ?? []]))
}

function textOf(rows: readonly SpeedRow[], steal: number): string {
  const legend =
    'ratio: CPU of the target divided by that of two haproxy hops (request) or one (chunk), median over rounds'
  return `${speedTable(rows)}${legend}; ${(steal * 100).toFixed(1)}% steal time\n`
}
