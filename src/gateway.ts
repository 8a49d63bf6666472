/**
 * Puts the gateway together: shared memory, router threads, control thread, front end. The only place that knows them
 * all; where one needs another it is handed a function.
 */
import { availableParallelism } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import type { Config } from './config/config.ts'
import { neededRoles } from './config/needed-roles.ts'
import { type Control, startControl } from './control/control-supervisor.ts'
import { monotonicNowMs } from './core/clock.ts'
import { type EngineSnapshot, NO_ENGINES } from './core/engine.ts'
import { readinessOf } from './core/readiness.ts'
import { fewestOpen } from './dispatch/assign.ts'
import { callsFor } from './dispatch/orphaned-legs.ts'
import { type RouterThreads, startRouterThreads } from './dispatch/router-threads.ts'
import { type Drained, type DrainOptions, drain } from './drain.ts'
import { FleetCapacity } from './frontend/admission/fleet-capacity.ts'
import { type Frontend, startFrontend } from './frontend/server.ts'
import { collectGarbage } from './process/collect-garbage.ts'
import { withinLimits } from './process/descriptor-limits.ts'
import { HeapGrowth } from './process/heap-growth.ts'
import { boundHeaps } from './process/heap-limits.ts'
import { EngineSlots } from './shared/engine-slots.ts'
import { createSharedMemory } from './shared/layout.ts'
import { createLogger } from './telemetry/log.ts'
import { metricRoom } from './telemetry/metric-cells.ts'
import { Recorder } from './telemetry/recorder.ts'

export interface Gateway {
  readonly port: number
  /** Of the listener for metrics and administration. */
  readonly adminPort: number
  /** Resolves when a request could be served, or with `false` after `limitMs` without. */
  whenReady(limitMs: number): Promise<boolean>
  /** Legs that have been sent to engines and have not ended. */
  legsInFlight(): number
  /**
   * Ends a router thread, whatever it does; another takes its place and its unanswered requests. Resolves with false
   * when no such thread runs.
   */
  restartThread(thread: number): Promise<boolean>
  /** Takes nothing new and lets open requests finish; what has not after the limit ends with an error. `close` is still owed. */
  drain(options: DrainOptions): Promise<void>
  /** Stops listening and destroys what is open. */
  close(): Promise<void>
}

const CONTROL_ENTRY = new URL('../workers/control.ts', import.meta.url)
const ROUTER_ENTRY = new URL('../workers/router.ts', import.meta.url)

/** Resolves when the gateway listens; engines join as they answer. @throws when a part cannot be started. */
export async function startGateway(given: Config): Promise<Gateway> {
  boundHeaps(given.server.semiSpaceMb)
  const log = createLogger(given.log, 'main')
  const count = given.server.workers || Math.max(1, availableParallelism() - 1)
  const { config, budget } = withinLimits(given, count, log)
  const room = metricRoom(config.limits.engines, config.admin.durationBucketsSecs)
  const shared = createSharedMemory(config.limits.engines, count, room)
  const recorder = new Recorder(shared, 0)
  const slots = new EngineSlots(shared)
  let snapshot: EngineSnapshot = NO_ENGINES
  const view = new FleetCapacity(config, slots, snapshot, monotonicNowMs)
  let frontend: Frontend | undefined
  let control: Control | undefined
  let threads: RouterThreads | undefined
  const growth = new HeapGrowth(given.server.crowdRequests, () => frontend?.openRequests ?? 0)
  const close = async (): Promise<void> => {
    growth.close()
    frontend?.close()
    await control?.close()
    await threads?.close()
  }
  try {
    const running = await startRouterThreads({
      config,
      shared,
      count,
      entry: ROUTER_ENTRY,
      onBatch: (_channel, batch) => frontend?.receive(batch),
      onExit: (channel, { wasOrdered, left }) => {
        recorder.count('pdgw_thread_restarts_total', 'router')
        // Asked before the exchanges end: their headers go with the aborts.
        const calls = callsFor(left, snapshot.engines, id => frontend?.headersOf(id) ?? [])
        frontend?.threadLost(channel, wasOrdered)
        threads?.abortOrphans(calls)
      },
      onReady: () => frontend?.threadReady(),
      log,
    })
    threads = running
    const onSnapshot = (next: EngineSnapshot): void => {
      snapshot = next
      view.update(next)
      running.sendSnapshot(next)
    }
    control = await startControl({
      config,
      shared,
      entry: CONTROL_ENTRY,
      log,
      onSnapshot,
      onRestart: () => recorder.count('pdgw_thread_restarts_total', 'control'),
      onRestartThread: thread => {
        log.warn({ thread }, 'an operator restarts the router thread')
        running.restart(thread).catch((error: unknown) => log.error({ thread, err: error }, 'restart'))
      },
    })
    const front = await startFrontend({
      config,
      assign: () => fewestOpen(running.channels),
      readiness: () => readinessOf(neededRoles(config), snapshot.engines, slots),
      admissionLimits: { capacity: view.capacity, maxLive: budget.liveRequests, maxClients: budget.clients },
      onMemoryPressure: () => {
        const usedMb = Math.round(process.memoryUsage.rss() / 2 ** 20)
        log.warn({ usedMb }, 'short of memory: requests for tokens are refused until enough is free')
        running.collectGarbage()
        collectGarbage()
      },
      log,
      recorder,
    })
    frontend = front
    log.info({ threads: count, mode: config.engines.mode }, 'gateway is up')
    const isReady = (): boolean => readinessOf(neededRoles(config), snapshot.engines, slots).isReady
    return {
      port: front.port,
      adminPort: control.adminPort,
      whenReady: limitMs => becomes(isReady, limitMs),
      drain: drainOptions => drain(drainDependencies(front, control), drainOptions, log),
      restartThread: thread => running.restart(thread),
      legsInFlight: () => snapshot.engines.reduce((sum, { slot }) => sum + slots.inFlight(slot), 0),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** Both listeners say that the gateway is on its way down; the rest is the front end's. */
function drainDependencies(front: Frontend, control: Control | undefined): Drained {
  return {
    openRequests: () => front.openRequests,
    refuseReadiness: () => {
      front.refuseReadiness()
      control?.refuseReadiness()
    },
    stopAccepting: () => front.stopAccepting(),
    endAll: error => front.endAll(error),
  }
}

const POLL_INTERVAL_MS = 50

async function becomes(isTrue: () => boolean, limitMs: number): Promise<boolean> {
  const endMs = performance.now() + limitMs
  while (!isTrue()) {
    if (performance.now() >= endMs) return false
    await setTimeout(POLL_INTERVAL_MS)
  }
  return true
}
