/** Entry of the control thread: monitors engines, publishes snapshots to the main thread, serves metrics and admin. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { AdminRoutes } from '../src/admin/admin-routes.ts'
import { listenAdmin } from '../src/admin/admin-server.ts'
import { HealthPages } from '../src/admin/health-pages.ts'
import { trustAuthorities } from '../src/config/trust-authorities.ts'
import type { ControlOrder, ControlReport, ControlTask } from '../src/control/control-messages.ts'
import { EngineSupervisor } from '../src/control/engine-supervisor.ts'
import { EngineLoads } from '../src/control/load/engine-loads.ts'
import { processNowMs } from '../src/core/clock.ts'
import { KvEvents } from '../src/kv-events/kv-events.ts'
import { BreakerCells } from '../src/shared/breaker-cells.ts'
import { EngineCaches } from '../src/shared/engine-caches.ts'
import { EngineSlots } from '../src/shared/engine-slots.ts'
import { Heartbeats } from '../src/shared/heartbeats.ts'
import { metricRows } from '../src/shared/layout.ts'
import { PairHealth } from '../src/shared/pair-health.ts'
import { PrefixIndex } from '../src/shared/prefix-index.ts'
import { createLogger } from '../src/telemetry/log.ts'
import { MetricReader } from '../src/telemetry/metric-reader.ts'
import { Recorder } from '../src/telemetry/recorder.ts'

if (parentPort) await run(parentPort, workerData as ControlTask) // oxlint-disable-line typescript/no-unsafe-type-assertion -- control-supervisor.ts starts this thread

async function run(port: MessagePort, task: ControlTask): Promise<void> {
  const { config, shared, known, removed } = task
  let { isDraining, port: ownPort } = task
  trustAuthorities(config.upstream.caFiles)
  const slots = new EngineSlots(shared)
  const breakers = new BreakerCells(shared)
  const pairHealth = new PairHealth(shared, config.pairs)
  const log = createLogger(config.log, 'control')
  const recorder = new Recorder(shared, metricRows(shared.maxThreads).control)
  log.onLinesLost(lines => recorder.count('pdgw_thread_lost_log_lines_total', '', lines))
  const metrics = new MetricReader(shared)
  const caches = new EngineCaches(shared)
  const kvEvents = config.policy.kvEvents.enabled
    ? new KvEvents({ config, shared, caches, recorder, log })
    : undefined
  const loads = config.engines.loadIntervalSecs > 0 ? new EngineLoads({ config, slots }) : undefined
  const host = config.admin.host ?? config.server.host
  let { adminPort } = task
  const report = (message: ControlReport): void => port.postMessage(message)
  const supervisor = new EngineSupervisor({
    config,
    slots,
    breakers,
    pairHealth,
    maxEngines: Math.min(config.limits.engines, shared.maxEngines),
    known,
    removed,
    log,
    onSnapshot: snapshot => {
      report({ kind: 'snapshot', snapshot })
      kvEvents?.sync(snapshot)
      loads?.sync(snapshot)
    },
    onRemoved: keys => report({ kind: 'removed', keys }),
    onSlotTaken: slot => {
      metrics.rebase(slot)
      caches.forget(slot)
    },
    onBack: slot => {
      const wasUsed = caches.read(slot).window > 0
      caches.forget(slot)
      if (!wasUsed) return
      caches.noteCorrection(slot, 'away', Math.floor(processNowMs() / 1000))
      recorder.countEngine('pdgw_engine_cache_corrections_total', slot, 'away')
    },
    ownListeners: () => [
      { host: config.server.host, port: ownPort },
      { host, port: adminPort },
    ],
    onLost: lost => report({ kind: 'lost', lost }),
    onJoining: count => report({ kind: 'joining', count }),
  })
  const closed = new Promise<void>(resolve => {
    port.on('message', (order: ControlOrder) => {
      if (order.kind === 'close') resolve()
      else if (order.kind === 'port') ownPort = order.port
      else if (order.kind === 'refresh') supervisor.refresh()
      else isDraining = true
    })
  })
  const routes = new AdminRoutes({
    config,
    supervisor,
    state: { slots, breakers, pairHealth, caches },
    caching: { shared, caches, index: new PrefixIndex(shared) },
    metrics,
    heartbeats: new Heartbeats(shared),
    routerThreads: shared.maxThreads,
    isDraining: () => isDraining,
    restartThread: thread => report({ kind: 'restart-thread', thread }),
  })
  const cap = {
    max: config.admin.maxConnections,
    onFull: (): void =>
      log.warn(
        { limit: config.admin.maxConnections },
        'as many admin connections as allowed: closing those idle for longest',
      ),
  }
  const address = { host, port: task.adminPort, flag: '--prometheus-port', what: 'metrics and admin' }
  const server = await listenAdmin(routes, address, cap)
  const { healthPort } = config.admin
  const healthAddress = { host: config.server.host, flag: '--health-check-port', what: 'health probes' }
  const healthServer =
    healthPort === undefined
      ? undefined
      : await listenAdmin(new HealthPages(routes), { ...healthAddress, port: healthPort }, cap)
  adminPort = server.port
  log.info({ host, adminPort }, 'serving metrics and admin')
  report({ kind: 'listening', adminPort })
  supervisor.start()
  await closed
  kvEvents?.close()
  loads?.close()
  await Promise.all([supervisor.close(), server.close(), healthServer?.close()])
  log.close()
  port.close()
}
