/**
 * The composition root: creates the shared memory, the router threads, the control thread and the front end, and passes
 * each the functions of the others that it needs. No other file knows them all.
 */
import { availableParallelism } from 'node:os'
import type { Config } from './config/config.ts'
import { neededRoles } from './config/engines.ts'
import { type Control, startControl } from './control/control-supervisor.ts'
import { monotonicNowMs } from './core/clock.ts'
import { type EngineSnapshot, NO_ENGINES } from './core/engine.ts'
import { pollUntil } from './core/poll.ts'
import { type Readiness, readinessOf } from './core/readiness.ts'
import { fewestOpen } from './dispatch/assign.ts'
import { abortsFor } from './dispatch/orphaned-legs.ts'
import { type RouterThreads, startRouterThreads } from './dispatch/router-threads.ts'
import { type Drained, type DrainOptions, drain } from './drain.ts'
import { FleetCapacity } from './frontend/admission/fleet-capacity.ts'
import { type Frontend, startFrontend } from './frontend/server.ts'
import { collectGarbage } from './process/collect-garbage.ts'
import { DescriptorCheck } from './process/descriptor-check.ts'
import { withinLimits } from './process/descriptor-limits.ts'
import { setV8Flags } from './process/v8-flags.ts'
import { EngineSlots } from './shared/engine-slots.ts'
import { createSharedMemory, withKvBlocks } from './shared/layout.ts'
import { WaitingCounts } from './shared/waiting-counts.ts'
import { createLogger } from './telemetry/log.ts'
import { reopenLogs } from './telemetry/log-reopen.ts'
import { metricRoom } from './telemetry/metric-cells.ts'
import { Recorder } from './telemetry/recorder.ts'

export interface Gateway {
  /** Port for clients. */
  readonly port: number
  /** Port for metrics and administration. */
  readonly adminPort: number
  /** Resolves with `true` when requests can be served and all engines are healthy, or with `false` after `limitMs`. */
  whenReady(limitMs: number): Promise<boolean>
  /** Requests in flight on all engines; each leg of an attempt counts its prompts. */
  legsInFlight(): number
  /**
   * Terminates a router thread. A new thread replaces it, and requests whose response has not started are reassigned.
   * Resolves with `false` if no such thread runs.
   */
  restartThread(thread: number): Promise<boolean>
  /**
   * Stops accepting connections and lets open requests finish; those that are still open at the limit end with an error.
   * The caller must call `close` afterwards.
   */
  drain(options: DrainOptions): Promise<void>
  /** Opens the log file again in every thread, after it has been renamed. Without a log file nothing happens. */
  reopenLog(): void
  /** Stops listening and closes all connections at once. */
  close(): Promise<void>
}

const CONTROL_ENTRY = new URL('../workers/control.ts', import.meta.url)
const ROUTER_ENTRY = new URL('../workers/router.ts', import.meta.url)
const READY_POLL_MS = 50

/**
 * Resolves when the gateway listens. Engines join as they respond to probes.
 * @throws Error if a part cannot be started.
 */
export async function startGateway(requested: Config): Promise<Gateway> {
  setV8Flags(requested.server.semiSpaceMb)
  const log = createLogger(requested.log, 'main')
  const count = requested.server.workers || Math.max(1, availableParallelism() - 1)
  const { config, budget, limit } = withinLimits(requested, count, log)
  const descriptors = new DescriptorCheck({ config, budget, limit, log })
  const room = metricRoom(config.limits.engines, config.admin.durationBucketsSecs)
  const { kvEvents } = config.policy
  const memory = createSharedMemory(config.limits.engines, count, room, config.policy)
  const shared = kvEvents.enabled ? withKvBlocks(memory, kvEvents.maxBlocks) : memory
  const recorder = new Recorder(shared, 0)
  log.onLinesLost(lines => recorder.count('pdgw_thread_lost_log_lines_total', '', lines))
  const slots = new EngineSlots(shared)
  let snapshot: EngineSnapshot = NO_ENGINES
  let joining = 0
  const waitingCounts = new WaitingCounts(shared)
  const view = new FleetCapacity(config, slots, {
    snapshot,
    waiting: () => waitingCounts.total(),
    nowMs: monotonicNowMs,
  })
  let frontend: Frontend | undefined
  let control: Control | undefined
  let threads: RouterThreads | undefined
  const close = async (): Promise<void> => {
    descriptors.close()
    frontend?.close()
    await Promise.all([control?.close(), threads?.close()])
    if (frontend !== undefined) log.info({}, 'stopped')
    log.close()
  }
  try {
    const running = await startRouterThreads({
      config,
      shared,
      count,
      entry: ROUTER_ENTRY,
      onBatch: (_channel, batch) => frontend?.receive(batch),
      onExit: (channel, { wasOrdered, orphanedLegs }) => {
        recorder.count('pdgw_thread_restarts_total', 'router')
        // Before the exchanges end, because the aborts carry their headers.
        const aborts = abortsFor(orphanedLegs, snapshot.engines, id => frontend?.headersOf(id) ?? [])
        frontend?.threadLost(channel, wasOrdered)
        threads?.abortOrphans(aborts)
      },
      onReady: () => frontend?.threadReady(),
      onNewModels: () => control?.refreshModels(),
      log,
    })
    threads = running
    const onSnapshot = (next: EngineSnapshot): void => {
      snapshot = next
      view.update(next)
      descriptors.changed(next.engines)
      running.sendSnapshot(next)
    }
    control = await startControl({
      config,
      shared,
      entry: CONTROL_ENTRY,
      log,
      onSnapshot,
      onLost: lost => running.giveUpOn(lost),
      onJoining: engines => {
        joining = engines
      },
      onRestart: () => recorder.count('pdgw_thread_restarts_total', 'control'),
      onRestartThread: thread => {
        log.info({ thread }, 'restarting router thread on request')
        running
          .restart(thread)
          .catch((error: unknown) => log.error({ thread, error }, 'could not restart router thread'))
      },
    })
    const currentReadiness = () => readinessOf(neededRoles(config), snapshot.engines, slots, joining)
    const collectAllGarbage = (): void => {
      running.collectGarbage()
      collectGarbage()
    }
    const front = await startFrontend({
      config,
      assign: () => fewestOpen(running.channels),
      readiness: currentReadiness,
      admissionLimits: {
        capacity: view.capacity,
        parked: view.parked,
        maxLive: budget.liveRequests,
        maxClients: budget.clients,
      },
      adminPort: control.adminPort,
      onMemoryPressure: () => {
        const usedMb = Math.round(process.memoryUsage.rss() / 2 ** 20)
        log.warn({ usedMb }, 'short of memory, refusing generation requests')
        collectAllGarbage()
      },
      collectGarbage: collectAllGarbage,
      log,
      recorder,
    })
    frontend = front
    control.notePort(front.port)
    log.info({ threads: count, mode: config.engines.mode }, 'gateway is up')
    return {
      port: front.port,
      adminPort: control.adminPort,
      whenReady: limitMs => pollUntil(() => isComplete(currentReadiness()), READY_POLL_MS, limitMs),
      drain: drainOptions => drain(drainDependencies(front, control), drainOptions, log),
      restartThread: thread => running.restart(thread),
      reopenLog: reopenLogs,
      legsInFlight: () => snapshot.engines.reduce((sum, { slot }) => sum + slots.inFlight(slot), 0),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

function isComplete({ isReady, healthyEngines, totalEngines }: Readiness): boolean {
  return isReady && healthyEngines === totalEngines
}

/** Readiness fails on both listeners; the front end does the rest. */
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
