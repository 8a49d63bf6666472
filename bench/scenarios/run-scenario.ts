/** Runs a scenario in its environment and checks its expectations. */
import { setTimeout as delay } from 'node:timers/promises'
import { Churn } from '../environment/churn.ts'
import type { AdminEngine } from '../environment/engine-admin.ts'
import { type Environment, withEnvironment } from '../environment/environment.ts'
import type { FleetProcess } from '../environment/fleet/fleet-process.ts'
import type { EngineCounters } from '../environment/fleet/messages.ts'
import type { LoadPlan } from '../load/plan/plan.ts'
import type { LoadCollector, LoadResult } from '../load/records/result.ts'
import { runLoad } from '../load/run-load.ts'
import { CostLog, rssSpread } from '../process/cost-log.ts'
import {
  amplification,
  atLeast,
  atMost,
  badRefusals,
  type Expectation,
  goodputPerSecond,
  hangsOf,
  maxOverCapacity,
  openBreakersPerRole,
  runningOf,
  runningText,
  slowestMs,
  successPercent,
} from './expectations.ts'
import type { Scenario, ScenarioLoad } from './scenario.ts'

export interface ScenarioRun {
  readonly signal: AbortSignal
  /** Called when engines and gateway are ready. */
  readonly onReady?: () => void
  readonly log: (line: string) => void
  /** Called a few times a second while a load runs. */
  readonly onProgress?: (name: string, plan: LoadPlan, collector: LoadCollector) => void
  /** Called at the end of each load. */
  readonly onLoad: (name: string, result: LoadResult, cost: CostLog) => void
}

type Kind<K extends Scenario['kind']> = Extract<Scenario, { kind: K }>

const END_LIMIT_MS = 1000
const GOOD_PERCENT = 99.99
const MAX_AMPLIFICATION = 1.2
const MAX_RSS_SPREAD = 1.1
const RSS_FROM_SHARE = 0.2
const MIN_GOODPUT_SHARE = 0.9

export function runScenario(scenario: Scenario, run: ScenarioRun): Promise<readonly Expectation[]> {
  return withEnvironment(scenario, environment => {
    run.onReady?.()
    switch (scenario.kind) {
      case 'perfect':
        return runPerfect(scenario, environment, run)
      case 'churn':
        return runChurn(scenario, environment, run)
      case 'soak':
        return runSoak(scenario, environment, run)
      case 'overload':
        return runOverload(scenario, environment, run)
    }
  })
}

async function runPerfect(
  scenario: Kind<'perfect'>,
  environment: Environment,
  run: ScenarioRun,
): Promise<Expectation[]> {
  const { loads, slowestMs: limitMs, maxRssMib, maxOpenBreakersPerRole } = scenario
  environment.fleet.startFaults()
  const expectations: Expectation[] = []
  for (const [index, load] of loads.entries()) {
    const name = `load ${index + 1}`
    const { result, cost } = await measure(name, load, environment, run)
    expectations.push(atLeast(`${name}: correct responses`, successPercent(result), 100, '%'))
    if (maxRssMib !== undefined)
      expectations.push(atMost(`${name}: memory of the gateway`, cost.peakRssMib(), maxRssMib, ' MiB'))
    if (limitMs !== undefined)
      expectations.push(atMost(`${name}: slowest`, slowestMs(result), limitMs, ' ms'))
    if (run.signal.aborted) break
  }
  environment.fleet.stopFaults()
  if (maxOpenBreakersPerRole !== undefined) {
    const opened = openBreakersPerRole(await environment.gateway.metrics())
    expectations.push(atMost('engines of a role whose breaker opened', opened, maxOpenBreakersPerRole))
  }
  return [...expectations, ...(await quietExpectations(environment, run))]
}

async function runChurn(
  scenario: Kind<'churn'>,
  environment: Environment,
  run: ScenarioRun,
): Promise<Expectation[]> {
  const { fleet, gateway } = environment
  const churn = new Churn(gateway.adminUrl, inTurn(fleet), scenario.pauseMs)
  const expectations: Expectation[] = []
  for (const [index, load] of scenario.loads.entries()) {
    const name = `load ${index + 1}`
    const { result } = await measure(name, load, environment, run)
    expectations.push(atLeast(`${name}: correct responses`, successPercent(result), 100, '%'))
    if (run.signal.aborted) break
  }
  const changes = await churn.stop()
  const changed = atLeast('engines removed and added back', changes, scenario.minChanges)
  return [...expectations, changed, ...(await quietExpectations(environment, run))]
}

/** Prefill and decode engines alternately, as far as there are both. */
function inTurn({ prefill, decode }: FleetProcess): AdminEngine[] {
  return Array.from({ length: Math.max(prefill.length, decode.length) }, (_, index) => [
    ...prefill
      .slice(index, index + 1)
      .map(({ url, bootstrapPort }) => ({ url, bootstrapPort, role: 'prefill' as const })),
    ...decode.slice(index, index + 1).map(url => ({ url, role: 'decode' as const })),
  ]).flat()
}

async function runSoak(
  { load }: Kind<'soak'>,
  environment: Environment,
  run: ScenarioRun,
): Promise<Expectation[]> {
  environment.fleet.startFaults()
  const { result, cost } = await measure('soak', load, environment, run)
  environment.fleet.stopFaults()
  const quiet = await quietExpectations(environment, run)
  const engines = await environment.fleet.counters()
  const restarts = engines.reduce((sum, engine) => sum + engine.restarts, 0)
  return [
    atLeast('correct responses among clients that stayed', successPercent(result), GOOD_PERCENT, '%'),
    atMost(
      'legs received per request by an engine role',
      amplification(engines, result.records.length),
      MAX_AMPLIFICATION,
    ),
    atMost('hangs', hangsOf(result), 0),
    atMost(
      'memory, largest interval over smallest',
      rssSpread(cost.samples, load.requests * RSS_FROM_SHARE),
      MAX_RSS_SPREAD,
    ),
    atLeast('engines that restarted', restarts, 2),
    ...quiet,
  ]
}

async function runOverload(
  scenario: Kind<'overload'>,
  environment: Environment,
  run: ScenarioRun,
): Promise<Expectation[]> {
  const peak = await findPeak(scenario, environment, run)
  const rate = peak * scenario.overloadFactor
  const durationMs = scenario.overloadSecs * 1000
  run.log(`peak goodput ${peak.toFixed(1)}/s, offering ${rate.toFixed(1)}/s for ${scenario.overloadSecs} s`)
  const arrivals = { kind: 'open', ratePerSecond: rate, burstiness: 1 } as const
  const requests = Math.ceil(rate * scenario.overloadSecs)
  const { result } = await measure(
    'overload',
    { ...scenario.load, arrivals, requests, durationMs },
    environment,
    run,
  )
  const failed = result.records.filter(({ outcome }) => outcome === 'failed').length
  const refused = result.records.filter(({ outcome }) => outcome === 'refused').length
  // The queue fills during the first tenth.
  const goodput = goodputPerSecond(result, durationMs / 10, durationMs)
  return [
    atLeast('goodput per second', goodput, peak * MIN_GOODPUT_SHARE),
    atLeast('refusals', refused, 1),
    atMost('malformed refusals', badRefusals(result).length, 0),
    atMost('responses that are neither correct nor refusals', failed, 0),
    atMost(
      'requests beyond the capacity of an engine',
      maxOverCapacity(await environment.fleet.counters()),
      0,
    ),
    ...(await quietExpectations(environment, run)),
  ]
}

/** Correct responses per second of the best level. Closed loops, so that no level is overloaded. */
async function findPeak(
  scenario: Kind<'overload'>,
  environment: Environment,
  run: ScenarioRun,
): Promise<number> {
  let peak = 0
  const durationMs = scenario.levelSecs * 1000
  for (const concurrency of scenario.levels) {
    const arrivals = { kind: 'closed', concurrency } as const
    const { result } = await measure(
      `level ${concurrency}`,
      { ...scenario.load, arrivals, durationMs },
      environment,
      run,
    )
    peak = Math.max(peak, goodputPerSecond(result, durationMs / 10, durationMs))
  }
  return peak
}

/** After a load no request may be left on an engine, and the gateway must be alive. */
async function quietExpectations(
  { fleet, gateway }: Environment,
  { signal }: ScenarioRun,
): Promise<Expectation[]> {
  if (signal.aborted) return [atMost('interrupted', 1, 0)]
  const left = await leftAfter(fleet, END_LIMIT_MS)
  const quiet = atMost(`requests left on engines after ${END_LIMIT_MS / 1000} s`, runningOf(left), 0)
  return [
    { ...quiet, measured: `${quiet.measured}${runningText(left)}` },
    atMost('gateways that died', gateway.isAlive ? 0 : 1, 0),
  ]
}

async function leftAfter(fleet: FleetProcess, limitMs: number): Promise<readonly EngineCounters[]> {
  const giveUpAt = performance.now() + limitMs
  for (;;) {
    const left = await fleet.counters()
    if (runningOf(left) === 0 || performance.now() > giveUpAt) return left
    await delay(20)
  }
}

async function measure(
  name: string,
  load: ScenarioLoad,
  { gateway }: Environment,
  run: ScenarioRun,
): Promise<{ result: LoadResult; cost: CostLog }> {
  const plan: LoadPlan = { ...load, url: gateway.url }
  const cost = new CostLog(gateway.pid)
  const result = await runLoad(plan, {
    signal: run.signal,
    onProgress: collector => {
      if (gateway.isAlive) cost.sample(collector.records.length)
      run.onProgress?.(name, plan, collector)
    },
  })
  run.onLoad(name, result, cost)
  return { result, cost }
}
