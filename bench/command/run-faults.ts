/** `bench faults`: loads a gateway in front of simulated engines that replay a fault script, and checks expectations. */
import { readFaultScript } from '../../src/simulator/faults/fault-script.ts'
import type { LoadResult } from '../load/records/result.ts'
import { openProgress } from '../progress/progress.ts'
import { ShownLoads } from '../progress/shown-loads.ts'
import { levelOf } from '../report/level.ts'
import type { Expectation } from '../scenarios/expectations.ts'
import { runScenario } from '../scenarios/run-scenario.ts'
import { scenarioSchema } from '../scenarios/scenario.ts'
import { expectationText, loadText } from '../scenarios/text.ts'
import { errorLine } from './error-line.ts'
import { EXIT } from './exit.ts'
import { prepareFiles, type ReportPaths } from './report-files.ts'
import { publish, reportOf } from './run-report.ts'
import type { BenchTerminal } from './terminal.ts'

export interface FaultsRun extends ReportPaths, BenchTerminal {
  readonly script: string
  readonly requests: number
  readonly concurrency: number
  readonly isStream: boolean
  readonly gatewayFlags: readonly string[]
}

interface FaultsResult {
  readonly expectations: readonly Expectation[]
  /** Undefined if the run was interrupted before the load started. */
  readonly result: LoadResult | undefined
}

/** @returns the exit code, one of `EXIT`. */
export async function runFaults(run: FaultsRun): Promise<number> {
  const { err, signal } = run
  try {
    prepareFiles(run)
    const { description } = readFaultScript(run.script)
    const finished = await runLoads(run, () => err(`${run.script}: ${description}\n`))
    if (finished.result !== undefined) finish(run, finished.result, finished.expectations)
    if (signal.aborted) return EXIT.interrupted
    return finished.expectations.every(({ holds }) => holds) ? EXIT.ok : EXIT.failures
  } catch (error) {
    err(signal.aborted ? 'interrupted\n' : errorLine(error))
    return signal.aborted ? EXIT.interrupted : EXIT.unusable
  }
}

async function runLoads(run: FaultsRun, onReady: () => void): Promise<FaultsResult> {
  const shown = new ShownLoads(openProgress(run))
  let result: LoadResult | undefined
  const expectations = await runScenario(scenarioOf(run), {
    signal: run.signal,
    onReady,
    log: line => run.err(`${line}\n`),
    onProgress: (name, plan, collector) => shown.show(name, plan, collector),
    onLoad: (name, ended, cost) => {
      shown.clear()
      run.out(loadText(name, ended, cost))
      result = ended
    },
  })
  // The expectations apply to a whole run only.
  return { expectations: run.signal.aborted ? [] : expectations, result }
}

function finish(run: FaultsRun, result: LoadResult, expectations: readonly Expectation[]): void {
  if (expectations.length > 0) run.out(`\n${expectationText(expectations)}`)
  const level = levelOf(run.script, result)
  const report = reportOf({
    command: 'faults',
    target: `its own gateway, with the fault script ${run.script}`,
    startedAt: level.startedAt,
    minPercent: null,
    levels: [level],
    expectations: [...expectations],
  })
  publish(run, report)
}

function scenarioOf({ script, requests, concurrency, isStream, gatewayFlags }: FaultsRun) {
  const dataset = { kind: 'prompts', prompts: ['Describe the sea'], minTokens: 8, maxTokens: 32 }
  const load = { requests, isStream, arrivals: { kind: 'closed', concurrency }, dataset, scriptSeed: 0 }
  const description = `fault script ${script}`
  return scenarioSchema.parse({
    kind: 'perfect',
    description,
    fleet: { script },
    gatewayFlags,
    loads: [load],
  })
}
