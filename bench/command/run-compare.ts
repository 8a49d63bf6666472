/** `bench compare`: loads the targets in turn, says how they differ, and how sure that is. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { differencesOf } from '../compare/differences.ts'
import { runRounds } from '../compare/rounds.ts'
import { compareText, roundText } from '../compare/text.ts'
import { type LoadPlan, type PlanInput, planSchema } from '../load/plan.ts'
import {
  type CompareReport,
  type CompareRound,
  type CompareTarget,
  compareReportSchema,
} from '../report/compare-schema.ts'
import { readCpuUs } from '../speed/process-cost.ts'
import { lookAtTarget, TargetError } from './target.ts'

export interface CompareRun {
  readonly targets: readonly CompareTarget[]
  /** Of one round. */
  readonly load: Omit<PlanInput, 'url' | 'arrivals'>
  readonly concurrency: number
  /** Each has two rounds of every target. */
  readonly blocks: number
  /** Folder for the JSON report; unset: none is written. */
  readonly reportDir?: string
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  readonly signal: AbortSignal
}

const EXIT = { ok: 0, failures: 1, unreachable: 2 }

/** @returns the exit code: 0 all answers right, 1 some not or interrupted, 2 it could not be run. */
export async function runCompare(run: CompareRun): Promise<number> {
  try {
    const plans = await plansOf(run)
    const startedAt = new Date().toISOString()
    const rounds: CompareRound[] = []
    const onRound = (round: CompareRound) => {
      rounds.push(round)
      run.err(roundText(round))
    }
    await runRounds({ ...run, plans, onRound })
    const report = reportOf(run, { plans, startedAt, rounds })
    run.out(compareText(report))
    if (run.reportDir !== undefined) run.out(`report: ${writeReport(run.reportDir, report)}\n`)
    return !run.signal.aborted && rounds.every(({ successPercent }) => successPercent === 100)
      ? EXIT.ok
      : EXIT.failures
  } catch (error) {
    const prefix = error instanceof TargetError ? '' : 'bench: '
    run.err(`${prefix}${error instanceof Error ? error.message : String(error)}\n`)
    return EXIT.unreachable
  }
}

/** @throws TargetError when a target does not answer, or its process is not there. */
async function plansOf({ targets, load, concurrency }: CompareRun): Promise<LoadPlan[]> {
  for (const { name, pid } of targets) checkProcess(name, pid)
  return Promise.all(
    targets.map(async ({ url }) => {
      const { model, scriptSeed } = await lookAtTarget(url)
      return planSchema.parse({
        url,
        arrivals: { kind: 'closed', concurrency },
        ...(model === undefined ? {} : { model }),
        ...(scriptSeed === undefined ? {} : { scriptSeed }),
        ...load,
      })
    }),
  )
}

function checkProcess(name: string, pid: number | undefined): void {
  if (pid === undefined) return
  try {
    readCpuUs(pid)
  } catch {
    throw new TargetError(`there is no process ${pid} (--pid ${name}=${pid})`)
  }
}

function reportOf(
  { targets, blocks, concurrency, signal }: CompareRun,
  { plans, startedAt, rounds }: { plans: readonly LoadPlan[]; startedAt: string; rounds: CompareRound[] },
): CompareReport {
  const [plan] = plans
  if (plan === undefined) throw new RangeError('two targets are needed')
  const names = targets.map(({ name }) => name)
  return {
    version: 1,
    kind: 'compare',
    startedAt,
    wasInterrupted: signal.aborted && rounds.length < blocks * targets.length * 2,
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
  }
}

function writeReport(folder: string, report: CompareReport): string {
  mkdirSync(folder, { recursive: true })
  const path = join(folder, `compare-${report.startedAt.replaceAll(/[:.]/g, '-')}.json`)
  writeFileSync(path, `${JSON.stringify(compareReportSchema.parse(report), undefined, 2)}\n`)
  return path
}
