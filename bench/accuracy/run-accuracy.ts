/**
 * `bench accuracy`: checks that the load generator counts what wrk counts. Both load the canned engine in turn, with the
 * same request, concurrency and kind of connection.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EXIT } from '../command/exit.ts'
import type { BenchTerminal } from '../command/terminal.ts'
import { Generators } from '../load/generators.ts'
import type { LoadPlan } from '../load/plan/plan.ts'
import { isGeneratorLimit } from '../load/records/result.ts'
import { runLoadIn } from '../load/run-load.ts'
import { requirePrograms } from '../process/needed-programs.ts'
import { percentileOf, sorted } from '../report/percentiles.ts'
import { startCannedEngines } from '../routers/start/canned-engines.ts'
import { runWrk } from '../wrk/run-wrk.ts'
import { wrkScript } from '../wrk/wrk.ts'
import { agreementOf, CASES, type Case, planOf, type Sample, wrkRequestOf, wrkSampleOf } from './cases.ts'

const SECONDS = 2
/** Including the first, which warms up both tools and is discarded. */
const ROUNDS = 4
const CANNED_FLAGS = ['--engines', '1', '--chunks', '2', '--interval-ms', '20']

interface Context {
  readonly generators: Generators
  /** URL of the canned engine. */
  readonly url: string
  readonly folder: string
  readonly signal: AbortSignal
}

/**
 * @returns `ok` when the tools agree, or the generator was the limit and reported it; else `failures`.
 * @throws Error when wrk is missing or the engine does not start.
 */
export async function runAccuracy({ out, signal }: BenchTerminal): Promise<number> {
  requirePrograms(['wrk'])
  const folder = mkdtempSync(join(tmpdir(), 'pd-gateway-accuracy-'))
  const { child, url } = await startCannedEngines(CANNED_FLAGS)
  const generators = new Generators(1)
  const context = { generators, url, folder, signal }
  let allAgree = true
  try {
    for (const testCase of CASES) {
      const { text, agrees } = await runCase(testCase, context)
      out(text)
      allAgree &&= agrees
    }
    return allAgree ? EXIT.ok : EXIT.failures
  } finally {
    generators.close()
    await child.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function runCase(
  testCase: Case,
  context: Context,
): Promise<{ readonly text: string; readonly agrees: boolean }> {
  const plan = planOf(testCase, context.url, SECONDS)
  const own: Sample[] = []
  const wrk: Sample[] = []
  for (let round = 0; round < ROUNDS; round++) {
    wrk.push(await wrkSample(plan, testCase.concurrency, context))
    own.push(await ownSample(plan, context))
  }
  return conclude(testCase, wrk.slice(1), own.slice(1))
}

function conclude(
  { connection, concurrency, engineMs }: Case,
  wrk: readonly Sample[],
  own: readonly Sample[],
): { readonly text: string; readonly agrees: boolean } {
  const [wrkRate, ownRate] = [rateOf(wrk), rateOf(own)]
  const isLimit = own.some(sample => sample.isLimit)
  const agreement = agreementOf(wrkRate, ownRate, isLimit)
  const cpu = Math.round(100 * Math.max(...own.map(({ cpuShare }) => cpuShare)))
  const errors = [...wrk, ...own].reduce((sum, sample) => sum + sample.errors, 0)
  const setting = `${connection.padEnd(12)}${String(concurrency).padStart(4)} concurrent, engine ${engineMs} ms`
  const rates = `wrk ${wrkRate.toFixed(0)}/s, bench ${ownRate.toFixed(0)}/s (${((100 * ownRate) / wrkRate).toFixed(0)}%)`
  const text = `${setting}: ${rates}, bench CPU ${cpu}% of a core, errors ${errors}: ${agreement}\n`
  return { text, agrees: agreement !== 'DISAGREES' && errors === 0 }
}

function rateOf(samples: readonly Sample[]): number {
  return percentileOf(sorted(samples.map(({ requestsPerSecond }) => requestsPerSecond)), 50)
}

async function wrkSample(plan: LoadPlan, concurrency: number, { folder, signal }: Context): Promise<Sample> {
  const scriptPath = join(folder, 'request.lua')
  writeFileSync(scriptPath, wrkScript(wrkRequestOf(plan)))
  const run = { url: plan.url, connections: concurrency, scriptPath, seconds: SECONDS }
  return wrkSampleOf(await runWrk(run, signal))
}

async function ownSample(plan: LoadPlan, { generators, signal }: Context): Promise<Sample> {
  const result = await runLoadIn(generators, plan, { signal })
  const correct = result.records.filter(({ outcome }) => outcome === 'ok').length
  const endMs = result.records.reduce((latest, record) => Math.max(latest, record.endMs), 0)
  return {
    requestsPerSecond: (correct * 1000) / endMs,
    errors: result.records.length - correct,
    isLimit: isGeneratorLimit(result),
    cpuShare: Math.max(...result.cpuShares),
  }
}
