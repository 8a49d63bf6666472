/** Runs the levels of a bench command one after the other, shows how they go, and writes what was asked for. */
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type LoadPlan, type PlanInput, planSchema } from '../load/plan.ts'
import type { LoadCollector, LoadResult } from '../load/result.ts'
import { runLoad } from '../load/run-load.ts'
import { levelOf } from '../report/level.ts'
import { requestLine } from '../report/request-line.ts'
import { type Level, type Report, reportSchema } from '../report/schema.ts'
import { type ServingLabels, servingLine } from '../report/serving-line.ts'
import { tableOf } from '../report/table.ts'
import { type VllmOptions, vllmFileName, vllmResult } from '../report/vllm-result.ts'
import { lookAtTarget, TargetError } from './target.ts'

export interface BenchLevel {
  readonly name: string
  readonly load: Omit<PlanInput, 'url'>
}

export interface BenchRun {
  readonly command: string
  readonly url: string
  readonly levels: readonly BenchLevel[]
  /** No further level below this share of right answers; unset: all are run. */
  readonly leastPercent?: number
  /** Folder for the JSON report; unset: none is written. */
  readonly reportDir?: string
  /** File to which a line a request is appended. */
  readonly requestLog?: string
  /** File to which sglang's line is appended. */
  readonly serving?: { readonly path: string | undefined; readonly labels: ServingLabels }
  /** vLLM's result file is written, in this folder. */
  readonly vllm?: {
    readonly folder: string
    /** Unset: vLLM's own name. */
    readonly fileName: string | undefined
    readonly options: VllmOptions
  }
  /** Requests before the first level that count for nothing. */
  readonly warmUps?: number
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  readonly signal: AbortSignal
}

const EXIT = { ok: 0, failures: 1, unreachable: 2 }
const SAY_MS = 1000
const WARM_UP_AT_ONCE = 8

/** @returns the exit code: 0 all right, 1 something failed or was interrupted, 2 it could not be run. */
export async function runBench(run: BenchRun): Promise<number> {
  try {
    const levels = await playLevels(run)
    if (run.reportDir !== undefined) run.out(`report: ${writeReport(run, run.reportDir, levels)}\n`)
    const isGood = levels.every(
      ({ successPercent, wasInterrupted }) => successPercent === 100 && !wasInterrupted,
    )
    return isGood && levels.length > 0 ? EXIT.ok : EXIT.failures
  } catch (error) {
    const prefix = error instanceof TargetError ? '' : 'bench: '
    run.err(`${prefix}${error instanceof Error ? error.message : String(error)}\n`)
    return EXIT.unreachable
  }
}

async function playLevels(run: BenchRun): Promise<Level[]> {
  const { model, scriptSeed } = await lookAtTarget(run.url)
  const known = {
    url: run.url,
    ...(model === undefined ? {} : { model }),
    ...(scriptSeed === undefined ? {} : { scriptSeed }),
    keepsRequestIds: run.requestLog !== undefined,
  }
  const plans = run.levels.map(({ name, load }) => ({ name, plan: planSchema.parse({ ...known, ...load }) }))
  await warmUp(run, plans[0]?.plan)
  const levels: Level[] = []
  for (const { name, plan } of plans) {
    // oxlint-disable-next-line no-await-in-loop -- levels would load each other
    const result = await runLoad(plan, { signal: run.signal, onProgress: teller(run, name) })
    const level = levelOf(name, result)
    levels.push(level)
    run.out(tableOf(level))
    writeLines(run, level, result)
    if (run.signal.aborted || level.successPercent < (run.leastPercent ?? 0)) break
  }
  return levels
}

/** Few at a time, as a load that is to come would be hurt by what it warms up. */
async function warmUp({ warmUps = 0, signal }: BenchRun, plan: LoadPlan | undefined): Promise<void> {
  if (plan === undefined || warmUps === 0) return
  const arrivals = { kind: 'closed', concurrency: Math.min(warmUps, WARM_UP_AT_ONCE) } as const
  const { durationMs: _none, ...rest } = plan
  await runLoad({ ...rest, requests: warmUps, arrivals, processes: 1, leaveShare: 0 }, { signal })
}

function teller({ err }: BenchRun, name: string): (collector: LoadCollector) => void {
  let saidMs = performance.now()
  let saidCount = 0
  return ({ records, inFlight }) => {
    const nowMs = performance.now()
    if (nowMs - saidMs < SAY_MS) return
    const rate = ((records.length - saidCount) * 1000) / (nowMs - saidMs)
    const failed = records.filter(({ outcome }) => outcome === 'failed').length
    saidMs = nowMs
    saidCount = records.length
    err(`${name}: ${records.length} ended, ${inFlight} open, ${rate.toFixed(0)}/s, ${failed} failed\n`)
  }
}

function writeLines({ requestLog, serving, vllm }: BenchRun, level: Level, result: LoadResult): void {
  if (requestLog !== undefined) {
    const lines = result.records.map(
      record => `${JSON.stringify(requestLine(level.name, result.startMs, record))}\n`,
    )
    appendFileSync(requestLog, lines.join(''))
  }
  if (serving?.path !== undefined) {
    appendFileSync(serving.path, `${JSON.stringify(servingLine(serving.labels, level, result))}\n`)
  }
  if (vllm !== undefined) {
    const name = vllm.fileName ?? vllmFileName(vllm.options, result.plan.model, result.startMs)
    mkdirSync(vllm.folder, { recursive: true })
    const content = vllmResult(vllm.options, level, result, result.startMs)
    writeFileSync(join(vllm.folder, name), JSON.stringify(content))
  }
}

function writeReport({ command, url }: BenchRun, folder: string, levels: readonly Level[]): string {
  const startedAt = new Date().toISOString()
  const report: Report = { version: 1, command, target: url, startedAt, levels: [...levels] }
  mkdirSync(folder, { recursive: true })
  const path = join(folder, `${command}-${startedAt.replaceAll(/[:.]/g, '-')}.json`)
  writeFileSync(path, `${JSON.stringify(reportSchema.parse(report), undefined, 2)}\n`)
  return path
}
