/** Runs the levels of a bench command one after the other, shows their progress, and writes the requested files. */
import type { LoadResult } from '../load/records/result.ts'
import { runLoad } from '../load/run-load.ts'
import { NO_PROGRESS, openProgress, type Progress } from '../progress/progress.ts'
import { ProgressTracker } from '../progress/progress-state.ts'
import { type Conclusion, isBelow } from '../report/conclusion.ts'
import { goodputOf, type Limits } from '../report/goodput.ts'
import { levelOf } from '../report/level.ts'
import type { Level } from '../report/schema.ts'
import { failureLines, goodputLine, levelHead, levelLine, tableOf } from '../report/table.ts'
import { errorLine } from './error-line.ts'
import { EXIT } from './exit.ts'
import { type LineFiles, linePaths, needsDetails, writeLineFiles } from './line-files.ts'
import { type BenchLevel, type PlannedLevel, plansOf } from './plans.ts'
import { prepareFiles, type ReportPaths } from './report-files.ts'
import { publish, reportOf } from './run-report.ts'
import { flushCache, probeTarget, serverInfoOf } from './target.ts'
import type { BenchTerminal } from './terminal.ts'
import { warmUp } from './warm-up.ts'

export interface BenchRun extends ReportPaths, LineFiles, BenchTerminal {
  readonly command: string
  readonly url: string
  readonly levels: readonly BenchLevel[]
  /** Stops after a level with a lower percentage of correct responses; undefined: runs all levels. */
  readonly minPercent?: number
  /** Limits of a request; the rate of requests within them is reported as goodput. */
  readonly goodput?: Limits
  /** Number of warm-up requests before the first level, which do not count. */
  readonly warmUps?: number
  /** How long the target may take to become ready; undefined: it must be ready already. */
  readonly readyWaitMs?: number
  /** Flushes the prefix caches of the engines before the first level. */
  readonly flushesCache?: boolean
  /** Shows no progress while a load runs. */
  readonly hidesProgress?: boolean
}

/** @returns the exit code, one of `EXIT`. */
export async function runBench(run: BenchRun): Promise<number> {
  try {
    prepareFiles(run, linePaths(run))
    const target = await probeTarget(run.url, run.signal, run.readyWaitMs)
    const plans = plansOf(run.url, run.levels.map(withKeptDetails(run)), target)
    await warmUp(plans[0]?.plan, run.warmUps ?? 0, run.signal)
    if (run.flushesCache === true) await flushCache(run.url, run.signal)
    const { levels, error } = await runLevels(run, plans)
    if (levels.length === 0) throw error
    const { kind } = finish(run, levels)
    if (run.signal.aborted) return EXIT.interrupted
    if (error !== undefined) return unusable(run, error)
    return kind === 'bad' ? EXIT.failures : EXIT.ok
  } catch (error) {
    if (!run.signal.aborted) return unusable(run, error)
    run.err('interrupted before the load started\n')
    return EXIT.interrupted
  }
}

/** Ids and texts of responses are kept only if a file needs them. */
function withKeptDetails(run: BenchRun): (level: BenchLevel) => BenchLevel {
  const kept = { keepsRequestIds: run.requestLog !== undefined, keepsDetails: needsDetails(run) }
  return ({ name, load }) => ({ name, load: { ...load, ...kept } })
}

/** When a level cannot be run, the results of those before it are kept, and `error` is the reason. */
async function runLevels(
  run: BenchRun,
  plans: readonly PlannedLevel[],
): Promise<{ readonly levels: readonly Level[]; readonly error: unknown }> {
  const isSingle = plans.length === 1
  const levels: Level[] = []
  const progress = run.hidesProgress === true ? NO_PROGRESS : openProgress(run)
  if (!isSingle) run.out(levelHead(run.command))
  try {
    for (const planned of plans) {
      const result = await runLevel(run, planned, progress)
      const level = levelOf(planned.name, result)
      levels.push(level)
      run.out(isSingle ? tableOf(level, goodputText(run, level, result)) : levelLine(level))
      await writeFilesOf(run, level, result)
      if (run.signal.aborted || isBelow(level, run.minPercent ?? 0)) break
    }
  } catch (error) {
    return { levels, error }
  }
  return { levels, error: undefined }
}

async function writeFilesOf(run: BenchRun, level: Level, result: LoadResult): Promise<void> {
  const serverInfo = run.serving?.path === undefined ? null : await serverInfoOf(run.url, run.signal)
  writeLineFiles(run, { level, result, serverInfo })
}

function goodputText({ goodput }: BenchRun, level: Level, result: LoadResult): string | undefined {
  return goodput === undefined
    ? undefined
    : goodputLine(goodput, goodputOf(result, goodput, level.durationSeconds))
}

async function runLevel(
  { signal }: BenchRun,
  { name, plan }: PlannedLevel,
  progress: Progress,
): Promise<LoadResult> {
  const tracker = new ProgressTracker(name, plan)
  try {
    return await runLoad(plan, {
      signal,
      onProgress: collector => progress.show(tracker.update(collector, performance.now())),
    })
  } finally {
    progress.clear()
  }
}

function finish(run: BenchRun, levels: readonly Level[]): Conclusion {
  if (levels.length > 1) run.out(allFailures(levels))
  const report = reportOf({
    command: run.command,
    target: run.url,
    startedAt: levels[0]?.startedAt ?? new Date().toISOString(),
    minPercent: run.minPercent ?? null,
    levels: [...levels],
    expectations: [],
  })
  return publish(run, report)
}

function allFailures(levels: readonly Level[]): string {
  return levels.flatMap(level => failureLines(level, ` (${level.name})`).map(line => `${line}\n`)).join('')
}

function unusable({ err }: BenchRun, error: unknown): number {
  err(errorLine(error))
  return EXIT.unusable
}
