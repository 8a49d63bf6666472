/** `pd-gateway bench`: its commands, and how a run is started and interrupted. */
import type { Command } from 'commander'
import type { SignalDependencies } from '../../src/process/stop-signals.ts'
import { errorLine } from '../command/error-line.ts'
import { EXIT } from '../command/exit.ts'
import type { BenchRun } from '../command/run-bench.ts'
import type { BenchTerminal } from '../command/terminal.ts'
import { untilInterrupted } from '../command/until-interrupted.ts'
import { addCacheCommand } from './cache.ts'
import { addClosedLoopCommands, type RequestedRun } from './closed-loop.ts'
import { addCompareCommand, type CompareOptions, compareRun } from './compare.ts'
import { addEarlyFlags } from './early-flags.ts'
import { addFaultsCommand, type FaultsOptions, faultsRun } from './faults.ts'
import { addLogCommand } from './log.ts'
import { addMemoryCommand } from './memory.ts'
import { addRoutersCommand } from './routers.ts'
import { addScenarioCommands } from './scenarios.ts'
import { addServingCommand } from './serving.ts'
import { addSiegeCommand } from './siege.ts'
import { addSpeedCommand } from './speed.ts'

export interface BenchDependencies extends SignalDependencies, Omit<BenchTerminal, 'signal'> {}

/** `run` is called with each load that is to be run, `runBench` by default; `done` receives the exit code. */
export function addBenchCommands(
  program: Command,
  deps: BenchDependencies,
  done: (code: number) => void,
  run: (run: BenchRun) => Promise<number> = runLazily,
): Command {
  const bench = addEarlyFlags(
    program
      .command('bench')
      .description('Load a gateway and report how it performs.')
      .helpCommand('help [command]', 'Print the help of a command.')
      .enablePositionalOptions(),
  )
  const { out, err, terminal } = deps
  const start = async (command: (terminal: BenchTerminal) => Promise<number>) => {
    done(await untilInterrupted(deps, signal => orFailure(command, { out, err, terminal, signal })))
  }
  addLoadCommands(bench, start, run)
  addMeasurementCommands(bench, start)
  return bench
}

type Start = (command: (terminal: BenchTerminal) => Promise<number>) => Promise<void>

/** Commands that load a target given by its URL. What they do is imported only when they run. */
function addLoadCommands(bench: Command, start: Start, run: (run: BenchRun) => Promise<number>): void {
  bench.commandsGroup('Load a target:')
  const startRun = (requested: RequestedRun) => start(terminal => run({ ...requested, ...terminal }))
  addClosedLoopCommands(bench, startRun)
  addServingCommand(bench, startRun)
  const compare = addCompareCommand(bench)
  compare.action((options: CompareOptions) => {
    const requested = compareRun(options, compare)
    return start(async terminal => {
      const { runCompare } = await import('../command/run-compare.ts')
      return runCompare({ ...requested, ...terminal })
    })
  })
}

/** Commands that start what they measure. */
function addMeasurementCommands(bench: Command, start: Start): void {
  bench.commandsGroup('Start and measure a gateway of their own:')
  const faults = addFaultsCommand(bench)
  faults.action((options: FaultsOptions) => {
    const requested = faultsRun(options, faults)
    return start(async terminal => {
      const { runFaults } = await import('../command/run-faults.ts')
      return runFaults({ ...requested, ...terminal })
    })
  })
  addRoutersCommand(bench, options =>
    start(async terminal => {
      const { runRouters } = await import('../routers/run-routers.ts')
      return runRouters(options, terminal)
    }),
  )
  addCacheCommand(bench, options =>
    start(async terminal => {
      const { runCache } = await import('../cache/run-cache.ts')
      return runCache(options, terminal)
    }),
  )
  addSpeedCommand(bench, options =>
    start(async terminal => {
      const { runSpeed } = await import('../routers/run-speed.ts')
      return runSpeed(options, terminal)
    }),
  )
  bench
    .command('accuracy')
    .description('Check that the load generator counts what wrk counts. Needs wrk.')
    .action(() =>
      start(async terminal => {
        const { runAccuracy } = await import('../accuracy/run-accuracy.ts')
        return runAccuracy(terminal)
      }),
    )
  addMemoryCommand(bench, options =>
    start(async terminal => {
      const { runMemory } = await import('../memory/run-memory.ts')
      return runMemory(options, terminal)
    }),
  )
  addSiegeCommand(bench, options =>
    start(async terminal => {
      const { runSiege } = await import('../siege/run-siege.ts')
      return runSiege(options, terminal)
    }),
  )
  addLogCommand(bench, options =>
    start(async terminal => {
      const { runLog } = await import('../log/run-log.ts')
      return runLog(options, terminal)
    }),
  )
  addScenarioCommands(bench, options =>
    start(async terminal => {
      const { runScenarioFile } = await import('../command/run-scenario-file.ts')
      return runScenarioFile(options, terminal)
    }),
  )
}

/** A command that throws could not be run, unless it was interrupted. */
async function orFailure(
  command: (terminal: BenchTerminal) => Promise<number>,
  terminal: BenchTerminal,
): Promise<number> {
  try {
    return await command(terminal)
  } catch (error) {
    const { signal, err } = terminal
    err(signal.aborted ? 'interrupted\n' : errorLine(error))
    return signal.aborted ? EXIT.interrupted : EXIT.unusable
  }
}

/** A gateway in production does not load the bench. */
async function runLazily(run: BenchRun): Promise<number> {
  const { runBench } = await import('../command/run-bench.ts')
  return runBench(run)
}
