/** `bench compare`: loads the targets in turn, says how they differ, and how sure that is. */

import { messageOf } from '../../src/core/error-text.ts'
import { differencesOf } from '../compare/differences.ts'
import { useOf } from '../compare/process-use.ts'
import { type RunningRound, runRounds } from '../compare/rounds.ts'
import { compareText, roundText } from '../compare/text.ts'
import type { LoadPlan, PlanInput } from '../load/plan.ts'
import {
  type CompareReport,
  type CompareRound,
  type CompareTarget,
  compareReportSchema,
} from '../report/compare-schema.ts'
import { comparePage } from '../report/html/compare-page.ts'
import { EXIT } from './exit.ts'
import { plansOf } from './plans.ts'
import { NO_PROGRESS, openProgress } from '../progress/progress.ts'
import { ShownLoads } from '../progress/shown-loads.ts'
import { prepareFiles, type ReportPlaces, writeFiles } from './report-files.ts'
import { lookAtTarget, TargetError } from './target.ts'

export interface CompareRun extends ReportPlaces {
  readonly targets: readonly CompareTarget[]
  /** Of one round. */
  readonly load: Omit<PlanInput, 'url' | 'arrivals'>
  readonly concurrency: number
  /** Each has two rounds of every target. */
  readonly blocks: number
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  /** Standard error when it is a terminal. */
  readonly terminal: NodeJS.WriteStream | undefined
  readonly signal: AbortSignal
}

/** @returns the exit code, one of `EXIT`. */
export async function runCompare(run: CompareRun): Promise<number> {
  try {
    prepareFiles(run)
    const plans = await targetPlans(run)
    const startedAt = new Date().toISOString()
    const { rounds, fault } = await playRounds(run, plans)
    if (fault !== undefined && rounds.length === 0) throw fault
    finish(run, reportOf(run, { plans, startedAt, rounds }))
    if (run.signal.aborted) return EXIT.interrupted
    if (fault !== undefined) throw fault
    return rounds.every(({ successPercent }) => successPercent === 100) ? EXIT.ok : EXIT.failures
  } catch (error) {
    const prefix = error instanceof TargetError ? '' : 'bench: '
    run.err(`${prefix}${messageOf(error)}\n`)
    return run.signal.aborted ? EXIT.interrupted : EXIT.unusable
  }
}

/**
 * On a terminal each round is drawn as it runs; elsewhere the line at its end has to do. Rounds that have been measured
 * are not lost when a later one cannot be run: `fault` says why then.
 */
async function playRounds(
  run: CompareRun,
  plans: readonly LoadPlan[],
): Promise<{ readonly rounds: CompareRound[]; readonly fault: unknown }> {
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
    return { rounds, fault: undefined }
  } catch (fault) {
    return { rounds, fault }
  } finally {
    shown.clear()
  }
}

function roundName({ target, index }: RunningRound, all: number): string {
  const round = index === undefined ? 'warming up' : `round ${index + 1} of ${all}`
  return `${round}, ${target.name}`
}

function finish(run: CompareRun, report: CompareReport): void {
  run.out(compareText(report))
  const written = { command: 'compare', startedAt: report.startedAt, report, page: () => comparePage(report) }
  for (const path of writeFiles(run, written)) run.out(`report: ${path}\n`)
}

/** @throws TargetError when a target does not answer, or its process is not there. */
async function targetPlans({ targets, load, concurrency, signal }: CompareRun): Promise<LoadPlan[]> {
  for (const target of targets) checkProcess(target)
  const asked = { ...load, arrivals: { kind: 'closed', concurrency } } as const
  const plans = await Promise.all(
    targets.map(async ({ name, url }) =>
      plansOf(url, [{ name, load: asked }], await lookAtTarget(url, signal)),
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
  if (plan === undefined) throw new RangeError('two targets are needed')
  const names = targets.map(({ name }) => name)
  return compareReportSchema.parse({
    version: 1,
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
