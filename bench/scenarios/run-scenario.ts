/** Plays a scenario on a stage and says whether all that it demands holds. */
import { setTimeout as delay } from 'node:timers/promises'
import type { LoadPlan } from '../load/plan.ts'
import type { LoadCollector, LoadResult } from '../load/result.ts'
import { runLoad } from '../load/run-load.ts'
import { Churn, type ChurnedEngine } from '../environment/churn.ts'
import { CostLog, rssSpread } from '../process/cost-log.ts'
import type { FleetProcess } from '../environment/fleet/fleet-process.ts'
import type { EngineCounters } from '../environment/fleet/messages.ts'
import { onStage, type Stage } from '../environment/environment.ts'
import {
  amplification,
  atLeast,
  atMost,
  badRefusals,
  type Condition,
  goodputPerSecond,
  hangsOf,
  mostOverCapacity,
  openedARole,
  runningOf,
  runningText,
  slowestMs,
  successPercent,
} from './expectations.ts'
import type { Scenario, ScenarioLoad } from './scenario.ts'

export interface Play {
  readonly signal: AbortSignal
  /** Engines and gateway are up. */
  readonly onReady?: () => void
  readonly say: (line: string) => void
  /** A few times a second. */
  readonly onProgress?: (name: string, plan: LoadPlan, collector: LoadCollector) => void
  /** Told of each load as it ends. */
  readonly onLoad: (name: string, result: LoadResult, cost: CostLog) => void
}

type Kind<K extends Scenario['kind']> = Extract<Scenario, { kind: K }>

const END_LIMIT_MS = 1000
const GOOD_PERCENT = 99.99
const MOST_AMPLIFICATION = 1.2
const MOST_RSS_SPREAD = 1.1
const RSS_FROM_SHARE = 0.2
const LEAST_GOODPUT_SHARE = 0.9

export function playScenario(scenario: Scenario, play: Play): Promise<readonly Condition[]> {
  return onStage(scenario, stage => {
    play.onReady?.()
    switch (scenario.kind) {
      case 'perfect':
        return playPerfect(scenario, stage, play)
      case 'churn':
        return playChurn(scenario, stage, play)
      case 'soak':
        return playSoak(scenario, stage, play)
      case 'overload':
        return playOverload(scenario, stage, play)
    }
  })
}

async function playPerfect(scenario: Kind<'perfect'>, stage: Stage, play: Play): Promise<Condition[]> {
  const { loads, slowestMs: limitMs, mostRssMib, openBreakersARole } = scenario
  stage.fleet.beginTrouble()
  const conditions: Condition[] = []
  for (const [at, load] of loads.entries()) {
    const name = `load ${at + 1}`
    // oxlint-disable-next-line no-await-in-loop -- one load after the other
    const { result, cost } = await played(name, load, stage, play)
    conditions.push(atLeast(`${name}: right answers`, successPercent(result), 100, ' %'))
    if (mostRssMib !== undefined)
      conditions.push(atMost(`${name}: memory of the gateway`, cost.peakRssMib(), mostRssMib, ' MiB'))
    if (limitMs !== undefined) conditions.push(atMost(`${name}: slowest`, slowestMs(result), limitMs, ' ms'))
    if (play.signal.aborted) break
  }
  stage.fleet.endTrouble()
  if (openBreakersARole !== undefined) {
    const opened = openedARole(await stage.gateway.metrics())
    conditions.push(atMost('engines of a role whose breaker opened', opened, openBreakersARole))
  }
  return [...conditions, ...(await quietConditions(stage, play))]
}

async function playChurn(scenario: Kind<'churn'>, stage: Stage, play: Play): Promise<Condition[]> {
  const { fleet, gateway } = stage
  const churn = new Churn(gateway.adminUrl, inTurn(fleet), scenario.pauseMs)
  const conditions: Condition[] = []
  for (const [at, load] of scenario.loads.entries()) {
    const name = `load ${at + 1}`
    // oxlint-disable-next-line no-await-in-loop -- one load after the other
    const { result } = await played(name, load, stage, play)
    conditions.push(atLeast(`${name}: right answers`, successPercent(result), 100, ' %'))
    if (play.signal.aborted) break
  }
  const changes = await churn.stop()
  const changed = atLeast('engines taken out and put back', changes, scenario.leastChanges)
  return [...conditions, changed, ...(await quietConditions(stage, play))]
}

/** A prefill engine and a decode engine in turn, as far as there are both. */
function inTurn({ prefill, decode }: FleetProcess): ChurnedEngine[] {
  return Array.from({ length: Math.max(prefill.length, decode.length) }, (_, at) => [
    ...prefill
      .slice(at, at + 1)
      .map(({ url, bootstrapPort }) => ({ url, bootstrapPort, role: 'prefill' as const })),
    ...decode.slice(at, at + 1).map(url => ({ url, role: 'decode' as const })),
  ]).flat()
}

async function playSoak({ load }: Kind<'soak'>, stage: Stage, play: Play): Promise<Condition[]> {
  stage.fleet.beginTrouble()
  const { result, cost } = await played('soak', load, stage, play)
  stage.fleet.endTrouble()
  const quiet = await quietConditions(stage, play)
  const engines = await stage.fleet.counters()
  const restarts = engines.reduce((sum, engine) => sum + engine.restarts, 0)
  return [
    atLeast('right answers, of the clients that stayed', successPercent(result), GOOD_PERCENT, ' %'),
    atMost(
      'legs an engine role received, a request',
      amplification(engines, result.records.length),
      MOST_AMPLIFICATION,
    ),
    atMost('hangs', hangsOf(result), 0),
    atMost(
      'memory, largest stretch over smallest',
      rssSpread(cost.samples, load.requests * RSS_FROM_SHARE),
      MOST_RSS_SPREAD,
    ),
    atLeast('engines that restarted', restarts, 2),
    ...quiet,
  ]
}

async function playOverload(scenario: Kind<'overload'>, stage: Stage, play: Play): Promise<Condition[]> {
  const peak = await findPeak(scenario, stage, play)
  const rate = peak * scenario.overloadFactor
  const durationMs = scenario.overloadSecs * 1000
  play.say(`peak goodput ${peak.toFixed(1)}/s, offering ${rate.toFixed(1)}/s for ${scenario.overloadSecs} s`)
  const arrivals = { kind: 'open', ratePerSecond: rate, burstiness: 1 } as const
  const requests = Math.ceil(rate * scenario.overloadSecs)
  const { result } = await played(
    'overload',
    { ...scenario.load, arrivals, requests, durationMs },
    stage,
    play,
  )
  const failed = result.records.filter(({ outcome }) => outcome === 'failed').length
  const refused = result.records.filter(({ outcome }) => outcome === 'refused').length
  // The first tenth fills the queue.
  const goodput = goodputPerSecond(result, durationMs / 10, durationMs)
  return [
    atLeast('goodput a second', goodput, peak * LEAST_GOODPUT_SHARE),
    atLeast('refusals', refused, 1),
    atMost('refusals of bad form', badRefusals(result).length, 0),
    atMost('answers that are neither good nor refusals', failed, 0),
    atMost('requests beyond the capacity of an engine', mostOverCapacity(await stage.fleet.counters()), 0),
    ...(await quietConditions(stage, play)),
  ]
}

/** Good answers a second of the best level; closed loops, so that none is more than it can take. */
async function findPeak(scenario: Kind<'overload'>, stage: Stage, play: Play): Promise<number> {
  let peak = 0
  const durationMs = scenario.levelSecs * 1000
  for (const concurrency of scenario.levels) {
    const arrivals = { kind: 'closed', concurrency } as const
    // oxlint-disable-next-line no-await-in-loop -- one level after the other
    const { result } = await played(
      `level ${concurrency}`,
      { ...scenario.load, arrivals, durationMs },
      stage,
      play,
    )
    peak = Math.max(peak, goodputPerSecond(result, durationMs / 10, durationMs))
  }
  return peak
}

/** Nothing of a load that is over may be left on an engine, and the gateway lives. */
async function quietConditions({ fleet, gateway }: Stage, { signal }: Play): Promise<Condition[]> {
  if (signal.aborted) return [atMost('interrupted', 1, 0)]
  const left = await leftAfter(fleet, END_LIMIT_MS)
  const quiet = atMost(`requests left on engines after ${END_LIMIT_MS / 1000} s`, runningOf(left), 0)
  return [
    { ...quiet, seen: `${quiet.seen}${runningText(left)}` },
    atMost('gateways that died', gateway.isAlive ? 0 : 1, 0),
  ]
}

async function leftAfter(fleet: FleetProcess, limitMs: number): Promise<readonly EngineCounters[]> {
  const giveUpAt = performance.now() + limitMs
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- looking again and again is the point
    const left = await fleet.counters()
    if (runningOf(left) === 0 || performance.now() > giveUpAt) return left
    // oxlint-disable-next-line no-await-in-loop -- a pause between two looks
    await delay(20)
  }
}

async function played(
  name: string,
  load: ScenarioLoad,
  { gateway }: Stage,
  play: Play,
): Promise<{ result: LoadResult; cost: CostLog }> {
  const plan: LoadPlan = { ...load, url: gateway.url }
  const cost = new CostLog(gateway.pid)
  const result = await runLoad(plan, {
    signal: play.signal,
    onProgress: collector => {
      if (gateway.isAlive) cost.sample(collector.records.length)
      play.onProgress?.(name, plan, collector)
    },
  })
  play.onLoad(name, result, cost)
  return { result, cost }
}
