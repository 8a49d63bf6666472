/** `pd-gateway bench …`: its commands, and how a run of them is started and interrupted. The rest is in `bench/`. */
import type { Command } from 'commander'
import { type SignalDependencies, untilStopped } from '../../src/process/stop-signals.ts'
import type { BenchRun } from '../command/run-bench.ts'
import { addCompareCommand, type CompareOptions, compareRun } from './compare.ts'
import { addEarlyFlags } from './early-flags.ts'
import { addFaultsCommand, type FaultsOptions, faultsRun } from './faults.ts'
import { addServingCommand } from './serving.ts'
import { addOriginalCommands, type RunOfFlags } from './closed-loop.ts'

/** What the bench commands need from outside: the terminal and signals. */
export interface BenchDependencies extends SignalDependencies {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  /** Standard error, when it is a terminal whose last line can be redrawn. */
  readonly terminal: NodeJS.WriteStream | undefined
}

/** `run`: what becomes of a run that is ready; the default loads the bench and makes it. */
export function addBenchCommands(
  program: Command,
  deps: BenchDependencies,
  done: (code: number) => void,
  run: (run: BenchRun) => Promise<number> = lazily,
): Command {
  const bench = addEarlyFlags(
    program.command('bench').description('Load a gateway and say how it does.').enablePositionalOptions(),
  )
  const { out, err, terminal } = deps
  const start = async (what: RunOfFlags) => {
    done(await untilInterrupted(deps, signal => run({ ...what, out, err, terminal, signal })))
  }
  addOriginalCommands(bench, start)
  addServingCommand(bench, start)
  const compare = addCompareCommand(bench)
  compare.action(async (options: CompareOptions) => {
    const what = { ...compareRun(options, compare), out, err, terminal }
    const { runCompare } = await import('../command/run-compare.ts')
    done(await untilInterrupted(deps, signal => runCompare({ ...what, signal })))
  })
  const faults = addFaultsCommand(bench)
  faults.action(async (options: FaultsOptions) => {
    const what = { ...faultsRun(options, faults), out, err, terminal }
    const { runFaults } = await import('../command/run-faults.ts')
    done(await untilInterrupted(deps, signal => runFaults({ ...what, signal })))
  })
  return bench
}

/** The first signal ends the load with what there is; a second one, later, ends the process. */
async function untilInterrupted(
  deps: SignalDependencies,
  run: (signal: AbortSignal) => Promise<number>,
): Promise<number> {
  const interrupt = new AbortController()
  const { stopped, undo } = untilStopped(deps)
  void stopped.then(() => interrupt.abort())
  try {
    return await run(interrupt.signal)
  } finally {
    undo()
  }
}

/** A gateway in production carries no bench. */
async function lazily(run: BenchRun): Promise<number> {
  const { runBench } = await import('../command/run-bench.ts')
  return runBench(run)
}
