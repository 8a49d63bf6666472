/**
 * `bench log`: the same requests, half of which fail and cause a line each, through a gateway whose log can be written and
 * through some whose log cannot. The gateways run at the same time and get their requests in turn, so that what else happens
 * on the machine meets all of them.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ChildOptions } from '../../src/process/child-process.ts'
import { EXIT } from '../command/exit.ts'
import type { BenchTerminal } from '../command/terminal.ts'
import { FleetProcess } from '../environment/fleet/fleet-process.ts'
import { fleetPlanSchema } from '../environment/fleet/plan.ts'
import { GatewayProcess } from '../environment/gateway-process.ts'
import { planSchema } from '../load/plan/plan.ts'
import type { RequestRecord } from '../load/records/record.ts'
import { runLoad } from '../load/run-load.ts'
import { expectationText } from '../scenarios/text.ts'
import { makeFullFolder } from './full-folder.ts'
import { type LogResult, logExpectations, logText } from './results.ts'
import { makeStillReader } from './still-reader.ts'

export interface LogOptions {
  /** Requests through each gateway. */
  readonly requests: number
}

const ROUNDS = 30
const WARM_UP_REQUESTS = 200
const CONCURRENCY = 16

/** Half of the requests fail, on either engine of the pair. */
const FLEET = fleetPlanSchema.parse({
  prefill: 1,
  decode: 1,
  knobs: { errorStatusProb: 0.3, prefillOverheadMs: 5, itlBaseMs: 5, itlPerReqMs: 0 },
})
/** Every failure is a response and a line of its own, and few lines are kept. */
const CONFIG = {
  log: { level: 'info', burstLines: 1_000_000, bufferBytes: 16_384 },
  retry: { maxRetries: 0 },
  breaker: { enabled: false },
}

/** Where the log of a gateway goes. */
interface LogTarget {
  readonly name: string
  readonly isSound: boolean
  readonly dir?: string
  readonly stdout?: ChildOptions['stdout']
}

interface Subject {
  readonly target: LogTarget
  readonly gateway: GatewayProcess
  readonly records: RequestRecord[]
}

/** @returns the exit code, one of `EXIT`. @throws Error when a process does not start. */
export async function runLog({ requests }: LogOptions, terminal: BenchTerminal): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'pd-gateway-log-'))
  const full = makeFullFolder(join(folder, 'full'))
  const still = makeStillReader(join(folder, 'stdout'))
  mkdirSync(join(folder, 'sound'))
  terminal.out(`The full disk is ${full.kind}\n`)
  const targets: readonly LogTarget[] = [
    { name: 'disk with room', isSound: true, dir: join(folder, 'sound') },
    { name: 'full disk', isSound: false, dir: full.path, stdout: still.fd },
    { name: 'reader stands still', isSound: false, stdout: still.fd },
  ]
  try {
    const results = await resultsOf(targets, folder, requests, terminal.signal)
    if (terminal.signal.aborted) return EXIT.interrupted
    const expectations = logExpectations(results, requests)
    terminal.out(`\n${logText(results)}\n${expectationText(expectations)}`)
    return expectations.every(({ holds }) => holds) ? EXIT.ok : EXIT.failures
  } finally {
    still.close()
    full.close()
    rmSync(folder, { recursive: true })
  }
}

async function resultsOf(
  targets: readonly LogTarget[],
  folder: string,
  requests: number,
  signal: AbortSignal,
): Promise<LogResult[]> {
  const config = join(folder, 'config.json')
  writeFileSync(config, JSON.stringify(CONFIG))
  const fleet = await FleetProcess.start(FLEET)
  const subjects: Subject[] = []
  try {
    for (const target of targets) {
      const { dir, stdout = 'ignore' } = target
      const flags = ['--config', config, '--workers', '1', '--log-level', 'info']
      const toFolder = dir === undefined ? [] : ['--log-dir', dir]
      const gateway = await GatewayProcess.start(fleet, [...flags, ...toFolder], { stdout })
      subjects.push({ target, gateway, records: [] })
    }
    await load(subjects, requests, signal)
    return await Promise.all(subjects.map(endOf))
  } finally {
    for (const { gateway } of subjects) await gateway.close()
    await fleet.close()
  }
}

async function load(subjects: readonly Subject[], requests: number, signal: AbortSignal): Promise<void> {
  for (const { gateway } of subjects) await send(gateway, WARM_UP_REQUESTS, signal)
  for (let round = 0; round < ROUNDS && !signal.aborted; round++) {
    const share = Math.floor((requests * (round + 1)) / ROUNDS) - Math.floor((requests * round) / ROUNDS)
    // Each is the first as often as the others.
    const turn = round % subjects.length
    for (const { gateway, records } of [...subjects.slice(turn), ...subjects.slice(0, turn)]) {
      records.push(...(await send(gateway, share, signal)))
    }
  }
}

async function send(
  { url }: GatewayProcess,
  requests: number,
  signal: AbortSignal,
): Promise<readonly RequestRecord[]> {
  const plan = planSchema.parse({
    url,
    requests,
    isStream: false,
    arrivals: { kind: 'closed', concurrency: CONCURRENCY },
    dataset: { kind: 'random', inputTokens: 16, outputTokens: 4 },
  })
  const { records } = await runLoad(plan, { signal })
  return records
}

async function endOf({ target, gateway, records }: Subject): Promise<LogResult> {
  const metrics = await gateway.metrics()
  const lost = [...metrics.matchAll(/^pdgw_thread_lost_log_lines_total(?:\{[^}]*\})? (\d+)$/gm)]
  await gateway.close()
  return {
    name: target.name,
    isSound: target.isSound,
    records,
    lostLines: lost.reduce((sum, [, count]) => sum + Number(count), 0),
    exitReason: gateway.exitReason,
  }
}
