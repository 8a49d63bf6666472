/**
 * Entry of `npm run bench:accuracy`: does the bench count what wrk counts? Both load the canned engine in turn, with the
 * same request, concurrency and kind of connection.
 *
 * Exit codes: 0 they agree, or the bench was the limit and said so; 1 not; 2 wrk is not there.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Generators } from '../load/generators.ts'
import { percentileOf, sorted } from '../load/percentiles.ts'
import type { LoadPlan } from '../load/plan.ts'
import { isGeneratorLimit } from '../load/result.ts'
import { runLoadIn } from '../load/run-load.ts'
import { Children, firstLine } from '../speed/children.ts'
import { requirePrograms } from '../process/needed-programs.ts'
import { CASES, type Case, luaOf, planOf, type Sample, verdictOf, wrkSampleOf } from './cases.ts'

const SECONDS = 2
/** The first round warms both up and does not count. */
const ROUNDS = 4
const START_LIMIT_MS = 20_000

requirePrograms(['wrk'])
const folder = mkdtempSync(join(tmpdir(), 'pd-gateway-accuracy-'))
const children = new Children()
children.stopAtExit()
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
process.exit((await allAgree()) ? 0 : 1)

async function allAgree(): Promise<boolean> {
  const url = await startEngine()
  const generators = new Generators(1)
  let isGood = true
  for (const one of CASES) {
    // oxlint-disable-next-line no-await-in-loop -- cases would load each other
    isGood = (await agrees(one, url, generators)) && isGood
  }
  generators.close()
  return isGood
}

async function agrees(one: Case, url: string, generators: Generators): Promise<boolean> {
  const plan = planOf(one, url, SECONDS)
  const own: Sample[] = []
  const wrk: Sample[] = []
  for (let round = 0; round < ROUNDS; round++) {
    // oxlint-disable-next-line no-await-in-loop -- in turn, never at once
    wrk.push(await wrkSample(plan, one.concurrency))
    // oxlint-disable-next-line no-await-in-loop -- as above
    own.push(await ownSample(plan, generators))
  }
  return tell(one, wrk.slice(1), own.slice(1))
}

function tell(
  { connection, concurrency, engineMs }: Case,
  wrk: readonly Sample[],
  own: readonly Sample[],
): boolean {
  const [wrkRate, ownRate] = [rateOf(wrk), rateOf(own)]
  const verdict = verdictOf(
    wrkRate,
    ownRate,
    own.some(({ isLimit }) => isLimit),
  )
  const cpu = Math.round(100 * Math.max(...own.map(({ cpuShare }) => cpuShare)))
  const errors = [...wrk, ...own].reduce((sum, sample) => sum + sample.errors, 0)
  process.stdout.write(
    `${connection.padEnd(12)}${String(concurrency).padStart(4)} at a time, engine ${engineMs} ms: wrk ${wrkRate.toFixed(0)}/s, bench ${ownRate.toFixed(0)}/s (${((100 * ownRate) / wrkRate).toFixed(0)} %), bench CPU ${cpu} % of a core, errors ${errors}: ${verdict}\n`,
  )
  return verdict !== 'DISAGREES' && errors === 0
}

function rateOf(samples: readonly Sample[]): number {
  return percentileOf(sorted(samples.map(({ requestsPerSecond }) => requestsPerSecond)), 50)
}

async function wrkSample(plan: LoadPlan, concurrency: number): Promise<Sample> {
  const script = join(folder, 'request.lua')
  writeFileSync(script, luaOf(plan))
  const args = ['-t1', `-c${concurrency}`, `-d${SECONDS}s`, '-s', script, `${plan.url}/generate`]
  const { output } = await children.run({ program: 'wrk', args }, SECONDS * 1000 + START_LIMIT_MS)
  return wrkSampleOf(output)
}

async function ownSample(plan: LoadPlan, generators: Generators): Promise<Sample> {
  const result = await runLoadIn(generators, plan)
  const good = result.records.filter(({ outcome }) => outcome === 'ok').length
  const endMs = result.records.reduce((latest, record) => Math.max(latest, record.endMs), 0)
  return {
    requestsPerSecond: (good * 1000) / endMs,
    errors: result.records.length - good,
    isLimit: isGeneratorLimit(result),
    cpuShare: Math.max(...result.cpuShares),
  }
}

async function startEngine(): Promise<string> {
  const args = [
    join(import.meta.dirname, '..', 'canned', 'main.ts'),
    '--engines',
    '1',
    '--chunks',
    '2',
    '--interval-ms',
    '20',
  ]
  const child = children.start({ program: process.execPath, args })
  const ports: unknown = JSON.parse(await firstLine(child, START_LIMIT_MS))
  const decode: unknown =
    typeof ports === 'object' && ports !== null ? Reflect.get(ports, 'decode') : undefined
  return `http://127.0.0.1:${Array.isArray(decode) ? Number(decode[0]) : 0}`
}
