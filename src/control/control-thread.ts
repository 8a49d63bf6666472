/** Entry of the control thread: watches every engine, keeps the registry, tells the main thread each change of it. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { trustAuthorities } from '../config/trust-authorities.ts'
import { EngineSlots } from '../shared/engine-slots.ts'
import { createLogger } from '../telemetry/log.ts'
import type { ControlOrder, ControlReport, ControlTask } from './control-messages.ts'
import { type EngineSpec, staticEngines } from './discovery/static.ts'
import { EngineWatch } from './engine-watch.ts'
import { Registry } from './registry.ts'

if (parentPort) await run(parentPort, workerData as ControlTask) // oxlint-disable-line typescript/no-unsafe-type-assertion -- control.ts is the one who starts this

async function run(port: MessagePort, { config, shared, known }: ControlTask): Promise<void> {
  const { engines, health, limits } = config
  trustAuthorities(config.upstream.caFiles)
  const slots = new EngineSlots(shared)
  const registry = new Registry(slots, Math.min(limits.engines, shared.maxEngines), known)
  const log = createLogger(config.log, 'control')
  const closing = new AbortController()
  const report = (): void =>
    port.postMessage({ kind: 'snapshot', snapshot: registry.snapshot() } satisfies ControlReport)

  const watch = (spec: EngineSpec): Promise<void> => {
    let slot = registry.find(spec)?.slot
    return new EngineWatch({
      spec,
      lastHealth: slot === undefined ? 'unknown' : slots.health(slot),
      health,
      engines,
      log,
      signal: closing.signal,
      onInfo: info => {
        const engine = registry.put(spec, info)
        slot = engine.slot
        log.info({ url: spec.url, role: spec.role, models: engine.models }, 'engine is registered')
        report()
      },
      onHealth: state => {
        if (slot !== undefined) slots.setHealth(slot, state)
      },
    }).run()
  }

  const closed = new Promise<void>(resolve => {
    port.on('message', (order: ControlOrder) => {
      if (order.kind !== 'close') return
      closing.abort()
      resolve()
    })
  })
  report()
  await Promise.all([closed, ...staticEngines(engines).map(watch)])
  port.close()
}
