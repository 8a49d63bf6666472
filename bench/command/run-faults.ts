/** Simulated engines that replay a fault script, a gateway before them, a load: what was promised beside what was seen. */
import { messageOf } from '../../src/core/error-text.ts'
import { readFaultScript } from '../../src/simulator/faults/fault-script.ts'
import type { LoadResult } from '../load/result.ts'
import { levelOf } from '../report/level.ts'
import type { Condition } from '../scenarios/expectations.ts'
import { playScenario } from '../scenarios/run-scenario.ts'
import { scenarioSchema } from '../scenarios/scenario.ts'
import { conditionText, loadText } from '../scenarios/text.ts'
import { EXIT } from './exit.ts'
import { openProgress } from '../progress/progress.ts'
import { ShownLoads } from '../progress/shown-loads.ts'
import { prepareFiles, type ReportPlaces } from './report-files.ts'
import { publish, reportOf } from './run-report.ts'

export interface FaultsRun extends ReportPlaces {
  readonly script: string
  readonly requests: number
  readonly concurrency: number
  readonly isStream: boolean
  readonly gatewayFlags: readonly string[]
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  /** Standard error when it is a terminal. */
  readonly terminal: NodeJS.WriteStream | undefined
  readonly signal: AbortSignal
}

interface Played {
  readonly promises: readonly Condition[]
  /** Unset: it was interrupted before the load began. */
  readonly result: LoadResult | undefined
}

/** @returns the exit code, one of `EXIT`. */
export async function runFaults(run: FaultsRun): Promise<number> {
  const { err, signal } = run
  try {
    prepareFiles(run)
    const { description } = readFaultScript(run.script)
    const played = await play(run, () => err(`${run.script}: ${description}\n`))
    if (played.result !== undefined) finish(run, played.result, played.promises)
    if (signal.aborted) return EXIT.interrupted
    return played.promises.every(({ holds }) => holds) ? EXIT.ok : EXIT.failures
  } catch (error) {
    err(signal.aborted ? 'interrupted\n' : `bench: ${messageOf(error)}\n`)
    return signal.aborted ? EXIT.interrupted : EXIT.unusable
  }
}

async function play(run: FaultsRun, onReady: () => void): Promise<Played> {
  const shown = new ShownLoads(openProgress(run))
  let result: LoadResult | undefined
  const conditions = await playScenario(scenarioOf(run), {
    signal: run.signal,
    onReady,
    say: line => run.err(`${line}\n`),
    onProgress: (name, plan, collector) => shown.show(name, plan, collector),
    onLoad: (name, ended, cost) => {
      shown.clear()
      run.out(loadText(name, ended, cost))
      result = ended
    },
  })
  // Half a run can neither keep what was promised nor break it.
  return { promises: run.signal.aborted ? [] : conditions, result }
}

function finish(run: FaultsRun, result: LoadResult, promises: readonly Condition[]): void {
  if (promises.length > 0) run.out(`\n${conditionText(promises)}`)
  const level = levelOf(run.script, result)
  const report = reportOf({
    command: 'faults',
    target: `a gateway of its own, under the fault script ${run.script}`,
    startedAt: level.startedAt,
    leastPercent: null,
    levels: [level],
    promises: [...promises],
  })
  publish(run, report)
}

function scenarioOf({ script, requests, concurrency, isStream, gatewayFlags }: FaultsRun) {
  const dataset = { kind: 'prompts', prompts: ['Tell me of the sea'], minTokens: 8, maxTokens: 32 }
  const load = { requests, isStream, arrivals: { kind: 'closed', concurrency }, dataset, scriptSeed: 0 }
  const description = `the fault script ${script}`
  return scenarioSchema.parse({
    kind: 'perfect',
    description,
    fleet: { script },
    gatewayFlags,
    loads: [load],
  })
}
