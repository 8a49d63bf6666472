/** Runs the levels of a bench command one after the other, shows how they go, and writes what was asked for. */
import { messageOf } from '../../src/core/error-text.ts'
import type { LoadResult } from '../load/result.ts'
import { runLoad } from '../load/run-load.ts'
import { goodputOf, type Limits } from '../report/goodput.ts'
import { levelOf } from '../report/level.ts'
import type { Level } from '../report/schema.ts'
import { failureLines, goodputLine, levelHead, levelLine, tableOf } from '../report/table.ts'
import { isBelow, type Verdict } from '../report/conclusion.ts'
import { EXIT } from './exit.ts'
import { type LineFiles, linePlaces, needsDetails, writeLineFiles } from './line-files.ts'
import { type BenchLevel, type PlannedLevel, plansOf } from './plans.ts'
import { NO_PROGRESS, openProgress, type Progress } from '../progress/progress.ts'
import { LoadWatch } from '../progress/progress-state.ts'
import { prepareFiles, type ReportPlaces } from './report-files.ts'
import { publish, reportOf } from './run-report.ts'
import { flushCache, lookAtTarget, TargetError } from './target.ts'
import { warmUp } from './warm-up.ts'

export interface BenchRun extends ReportPlaces, LineFiles {
  readonly command: string
  readonly url: string
  readonly levels: readonly BenchLevel[]
  /** No further level below this share of right answers; unset: all are run. */
  readonly leastPercent?: number
  /** Right answers within these limits are counted, too. */
  readonly goodput?: Limits
  /** Requests before the first level that count for nothing. */
  readonly warmUps?: number
  /** How long a target may take to come up; unset: it must be there. */
  readonly readyWaitMs?: number
  /** Engines forget cached prefixes before the first level. */
  readonly flushesCache?: boolean
  /** Nothing is shown while a load runs. */
  readonly hidesProgress?: boolean
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  /** Standard error when it is a terminal. */
  readonly terminal: NodeJS.WriteStream | undefined
  readonly signal: AbortSignal
}

/** @returns the exit code, one of `EXIT`. */
export async function runBench(run: BenchRun): Promise<number> {
  try {
    prepareFiles(run, linePlaces(run))
    const target = await lookAtTarget(run.url, run.signal, run.readyWaitMs)
    const plans = plansOf(run.url, run.levels.map(levelAskedFor(run)), target)
    await warmUp(plans[0]?.plan, run.warmUps ?? 0, run.signal)
    if (run.flushesCache === true) await flushCache(run.url, run.signal)
    const { levels, fault } = await playLevels(run, plans)
    if (levels.length === 0) throw fault
    const { kind } = finish(run, levels)
    if (run.signal.aborted) return EXIT.interrupted
    if (fault !== undefined) return unusable(run, fault)
    return kind === 'bad' ? EXIT.failures : EXIT.ok
  } catch (error) {
    if (!run.signal.aborted) return unusable(run, error)
    run.err('interrupted before the load began\n')
    return EXIT.interrupted
  }
}

/** Ids and texts of requests are kept only where they are written. */
function levelAskedFor(run: BenchRun): (level: BenchLevel) => BenchLevel {
  const kept = { keepsRequestIds: run.requestLog !== undefined, keepsDetails: needsDetails(run) }
  return ({ name, load }) => ({ name, load: { ...load, ...kept } })
}

/** What has been measured is not lost when a later level cannot be run: `fault` says why then. */
async function playLevels(
  run: BenchRun,
  plans: readonly PlannedLevel[],
): Promise<{ readonly levels: readonly Level[]; readonly fault: unknown }> {
  const isOne = plans.length === 1
  const levels: Level[] = []
  const progress = run.hidesProgress === true ? NO_PROGRESS : openProgress(run)
  if (!isOne) run.out(levelHead(run.command))
  try {
    for (const planned of plans) {
      // oxlint-disable-next-line no-await-in-loop -- levels would load each other
      const result = await playLevel(run, planned, progress)
      const level = levelOf(planned.name, result)
      levels.push(level)
      run.out(isOne ? tableOf(level, goodputText(run, level, result)) : levelLine(level))
      writeLineFiles(run, level, result)
      if (run.signal.aborted || isBelow(level, run.leastPercent ?? 0)) break
    }
  } catch (fault) {
    return { levels, fault }
  }
  return { levels, fault: undefined }
}

function goodputText({ goodput }: BenchRun, level: Level, result: LoadResult): string | undefined {
  return goodput === undefined
    ? undefined
    : goodputLine(goodput, goodputOf(result, goodput, level.durationSeconds))
}

async function playLevel(
  { signal }: BenchRun,
  { name, plan }: PlannedLevel,
  progress: Progress,
): Promise<LoadResult> {
  const watch = new LoadWatch(name, plan)
  try {
    return await runLoad(plan, {
      signal,
      onProgress: collector => progress.show(watch.look(collector, performance.now())),
    })
  } finally {
    progress.clear()
  }
}

function finish(run: BenchRun, levels: readonly Level[]): Verdict {
  if (levels.length > 1) run.out(allFailures(levels))
  const report = reportOf({
    command: run.command,
    target: run.url,
    startedAt: levels[0]?.startedAt ?? new Date().toISOString(),
    leastPercent: run.leastPercent ?? null,
    levels: [...levels],
    promises: [],
  })
  return publish(run, report)
}

function allFailures(levels: readonly Level[]): string {
  return levels.flatMap(level => failureLines(level, ` (${level.name})`).map(line => `${line}\n`)).join('')
}

function unusable({ err }: BenchRun, error: unknown): number {
  const prefix = error instanceof TargetError ? '' : 'bench: '
  err(`${prefix}${messageOf(error)}\n`)
  return EXIT.unusable
}
