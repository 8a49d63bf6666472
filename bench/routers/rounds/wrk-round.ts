/** Runs one scenario: rounds of all targets in turn, with the cost of each read before and after. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Children, LOAD_CORE } from '../../speed/children.ts'
import { readCpuUs, readRssMib } from '../../process/process-cost.ts'
import type { Sample } from '../costs/ratio.ts'
import { isStream, roundSeconds, type Scenario } from '../loads/wrk-loads.ts'
import type { Target } from '../start/canned-engines.ts'
import { parseWrkOutput, type WrkResult, wrkArguments, wrkScript } from '../loads/wrk.ts'

/** What one round needs. */
export interface RoundPlan {
  readonly children: Children
  readonly folder: string
  /** Any address of the canned engine's process. */
  readonly engineUrl: string
  readonly seconds: number
}

interface RunPlan extends RoundPlan {
  readonly targets: readonly Target[]
  readonly rounds: number
}

/** Longest wait for the last streams of a round to end. */
const SETTLE_LIMIT_MS = 5000
/** Past the round itself and wrk's own time limit, wrk hangs. */
const WRK_GRACE_MS = 40_000

/** Samples of each target in the order of the rounds; the first round warms up and is thrown away. */
export async function runScenario(plan: RunPlan, scenario: Scenario): Promise<Map<string, Sample[]>> {
  await prepareRounds(plan, scenario)
  const samples = new Map<string, Sample[]>(plan.targets.map(target => [target.name, []]))
  for (let round = 0; round <= plan.rounds; round += 1) {
    for (const target of plan.targets) {
      // oxlint-disable-next-line no-await-in-loop -- rounds are interleaved, never at once
      const { sample } = await measureRound(plan, scenario, target)
      if (round > 0) samples.get(target.name)?.push(sample)
    }
  }
  return samples
}

/** Sets wrk and the canned engines up for the scenario; holds until another one is prepared. */
export async function prepareRounds(plan: RoundPlan, scenario: Scenario): Promise<void> {
  writeFileSync(scriptPath(plan), wrkScript(scenario))
  await setPace(plan.engineUrl, scenario.chunkIntervalMs ?? 0)
}

/** One round of one target. */
export async function measureRound(
  plan: RoundPlan,
  scenario: Scenario,
  target: Target,
): Promise<{ readonly sample: Sample; readonly seen: WrkResult }> {
  const chunksBefore = (await settled(plan.engineUrl)).chunks
  const cpuBefore = readCpuUs(target.pid)
  const seconds = roundSeconds(scenario, plan.seconds)
  const run = { scenario, url: target.url, scriptPath: scriptPath(plan), seconds }
  const command = { core: LOAD_CORE, program: 'wrk', args: wrkArguments(run) }
  const wrk = await plan.children.run(command, seconds * 1000 + WRK_GRACE_MS)
  const result = parseWrkOutput(wrk.output)
  const chunks = (await settled(plan.engineUrl)).chunks - chunksBefore
  const sample = {
    cpuUs: readCpuUs(target.pid) - cpuBefore,
    // The engine's own count also holds the chunks of streams that the end of the round cut off.
    units: isStream(scenario) ? chunks : result.requests,
    requestsPerSecond: (result.requests * 1000) / result.durationMs,
    p50Ms: result.p50Ms,
    p99Ms: result.p99Ms,
    rssMib: readRssMib(target.pid),
    errors: result.statusErrors + result.socketErrors,
  }
  return { sample, seen: result }
}

/** Waits until no stream is open, so that no chunk is counted for the wrong target. */
export async function settled(
  engineUrl: string,
): Promise<{ readonly open: number; readonly chunks: number }> {
  const limit = performance.now() + SETTLE_LIMIT_MS
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- polls until the engine is idle
    const counts = await readCounts(engineUrl)
    if (counts.open === 0) return counts
    if (performance.now() > limit) throw new Error(`${counts.open} streams did not end after their round`)
    // oxlint-disable-next-line no-await-in-loop -- a pause between two polls
    await delay(20)
  }
}

async function readCounts(engineUrl: string): Promise<{ open: number; chunks: number }> {
  const value: unknown = await (await fetch(`${engineUrl}/canned/counts`)).json()
  if (typeof value !== 'object' || value === null) throw new TypeError('no counts')
  return { open: Number(Reflect.get(value, 'open')), chunks: Number(Reflect.get(value, 'chunks')) }
}

/** Pause between two events of every stream of the canned engines. */
export async function setPace(engineUrl: string, intervalMs: number): Promise<void> {
  const url = `${engineUrl}/canned/pace?interval-ms=${intervalMs}`
  const response = await fetch(url, { method: 'POST' })
  if (!response.ok) throw new Error(`the canned engine refused a pace of ${intervalMs} ms`)
}

function scriptPath(plan: RoundPlan): string {
  return join(plan.folder, 'request.lua')
}
