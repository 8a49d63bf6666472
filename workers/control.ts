/** Entry of the control thread: monitors engines, publishes snapshots to the main thread, serves metrics and admin. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { AdminRoutes } from '../src/admin/admin-routes.ts'
import { listenAdmin } from '../src/admin/admin-server.ts'
import { trustAuthorities } from '../src/config/trust-authorities.ts'
import type { ControlOrder, ControlReport, ControlTask } from '../src/control/control-messages.ts'
import { EngineSupervisor } from '../src/control/engine-supervisor.ts'
import { BreakerCells } from '../src/shared/breaker-cells.ts'
import { EngineSlots } from '../src/shared/engine-slots.ts'
import { Heartbeats } from '../src/shared/heartbeats.ts'
import { PairHealth } from '../src/shared/pair-health.ts'
import { createLogger } from '../src/telemetry/log.ts'
import { MetricReader } from '../src/telemetry/metric-reader.ts'

if (parentPort) await run(parentPort, workerData as ControlTask) // oxlint-disable-line typescript/no-unsafe-type-assertion -- control-supervisor.ts starts this thread

async function run(port: MessagePort, task: ControlTask): Promise<void> {
  const { config, shared, known, removed } = task
  let { isDraining } = task
  trustAuthorities(config.upstream.caFiles)
  const slots = new EngineSlots(shared)
  const breakers = new BreakerCells(shared)
  const pairHealth = new PairHealth(shared, config.pairs)
  const log = createLogger(config.log, 'control')
  const metrics = new MetricReader(shared)
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
    onSnapshot: snapshot => report({ kind: 'snapshot', snapshot }),
    onRemoved: keys => report({ kind: 'removed', keys }),
    onSlotTaken: slot => metrics.rebase(slot),
  })
  const closed = new Promise<void>(resolve => {
    port.on('message', (order: ControlOrder) => {
      if (order.kind === 'close') resolve()
      else isDraining = true
    })
  })
  const routes = new AdminRoutes({
    config,
    supervisor,
    state: { slots, breakers, pairHealth },
    metrics,
    heartbeats: new Heartbeats(shared),
    routerThreads: shared.maxThreads,
    isDraining: () => isDraining,
    restartThread: thread => report({ kind: 'restart-thread', thread }),
  })
  const { host, maxConnections: max } = config.admin
  const onFull = (): void =>
    log.warn({ limit: max }, 'as many admin connections as allowed: closing those idle for longest')
  const server = await listenAdmin(routes, host, task.adminPort, { max, onFull })
  log.info({ host, adminPort: server.port }, 'serving metrics and admin')
  report({ kind: 'listening', adminPort: server.port })
  supervisor.start()
  await closed
  await Promise.all([supervisor.close(), server.close()])
  port.close()
}
