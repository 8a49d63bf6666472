/** `bench compare`: loads the targets in turn and reports how they differ, with confidence intervals. */

import { messageOf } from '../../src/core/text/error-text.ts'
import { differencesOf } from '../compare/differences.ts'
import { useOf } from '../compare/process-use.ts'
import { type RunningRound, runRounds } from '../compare/rounds.ts'
import { compareText, roundText } from '../compare/text.ts'
import type { LoadPlan, PlanInput } from '../load/plan/plan.ts'
import { NO_PROGRESS, openProgress } from '../progress/progress.ts'
import { ShownLoads } from '../progress/shown-loads.ts'
import {
  type CompareReport,
  type CompareRound,
  type CompareTarget,
  compareReportSchema,
} from '../report/compare-schema.ts'
import { comparePage } from '../report/html/compare-page.ts'
import { errorLine, TargetError } from './error-line.ts'
import { EXIT } from './exit.ts'
import { plansOf } from './plans.ts'
import { prepareFiles, type ReportPaths, writeFiles } from './report-files.ts'
import { probeTarget } from './target.ts'
import type { BenchTerminal } from './terminal.ts'

export interface CompareRun extends ReportPaths, BenchTerminal {
  readonly targets: readonly CompareTarget[]
  /** Load of one round. */
  readonly load: Omit<PlanInput, 'url' | 'arrivals'>
  readonly concurrency: number
  /** Number of blocks; each has two rounds of every target. */
  readonly blocks: number
}

/** @returns the exit code, one of `EXIT`. */
export async function runCompare(run: CompareRun): Promise<number> {
  try {
    prepareFiles(run)
    const plans = await targetPlans(run)
    const startedAt = new Date().toISOString()
    const { rounds, error } = await runAllRounds(run, plans)
    if (error !== undefined && rounds.length === 0) throw error
    finish(run, reportOf(run, { plans, startedAt, rounds }))
    if (run.signal.aborted) return EXIT.interrupted
    if (error !== undefined) throw error
    return rounds.every(({ successPercent }) => successPercent === 100) ? EXIT.ok : EXIT.failures
  } catch (error) {
    run.err(errorLine(error))
    return run.signal.aborted ? EXIT.interrupted : EXIT.unusable
  }
}

/**
 * Shows the progress of each round on a terminal; elsewhere only the line at its end. When a round cannot be run, the
 * results of those before it are kept, and `error` is the reason.
 */
async function runAllRounds(
  run: CompareRun,
  plans: readonly LoadPlan[],
): Promise<{ readonly rounds: CompareRound[]; readonly error: unknown }> {
  const all = run.blocks * run.targets.length * 2
  const shown = new ShownLoads(run.terminal === undefined ? NO_PROGRESS : openProgress(run))
  const rounds: CompareRound[] = []
  try {
    await runRounds({
      ...run,
      plans,
      onProgress: (collector, round) => shown.show(roundName(round, all), round.plan, collector),
      onRound: round => {
        rounds.push(round)
        shown.clear()
        run.err(roundText(round))
      },
    })
    return { rounds, error: undefined }
  } catch (error) {
    return { rounds, error }
  } finally {
    shown.clear()
  }
}

function roundName({ target, index }: RunningRound, all: number): string {
  const round = index === undefined ? 'warm-up' : `round ${index + 1} of ${all}`
  return `${round}, ${target.name}`
}

function finish(run: CompareRun, report: CompareReport): void {
  run.out(compareText(report))
  const written = { command: 'compare', startedAt: report.startedAt, report, page: () => comparePage(report) }
  for (const path of writeFiles(run, written)) run.out(`report: ${path}\n`)
}

/** @throws TargetError when a target does not respond, or its process does not exist. */
async function targetPlans({ targets, load, concurrency, signal }: CompareRun): Promise<LoadPlan[]> {
  for (const target of targets) checkProcess(target)
  const requested = { ...load, arrivals: { kind: 'closed', concurrency } } as const
  const plans = await Promise.all(
    targets.map(async ({ name, url }) =>
      plansOf(url, [{ name, load: requested }], await probeTarget(url, signal)),
    ),
  )
  return plans.flat().map(({ plan }) => plan)
}

function checkProcess({ name, pid }: CompareTarget): void {
  if (pid === undefined) return
  try {
    useOf(name, pid)
  } catch (error) {
    throw new TargetError(messageOf(error))
  }
}

function reportOf(
  { targets, blocks, concurrency }: CompareRun,
  { plans, startedAt, rounds }: { plans: readonly LoadPlan[]; startedAt: string; rounds: CompareRound[] },
): CompareReport {
  const [plan] = plans
  if (plan === undefined) throw new RangeError('At least two targets are needed')
  const names = targets.map(({ name }) => name)
  return compareReportSchema.parse({
    version: 2,
    kind: 'compare',
    startedAt,
    wasInterrupted: rounds.length < blocks * targets.length * 2,
    load: {
      endpoint: plan.endpoint,
      isStream: plan.isStream,
      connectionMode: plan.connection,
      concurrency,
      requestsPerRound: plan.requests,
      processes: plan.processes,
      areTokensChecked: plans.every(({ scriptSeed }) => scriptSeed !== undefined),
    },
    targets: [...targets],
    rounds,
    differences: [...differencesOf(names, rounds, plan.seed)],
  })
}
