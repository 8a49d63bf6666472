/** An engine as the admin listener shows it: as JSON, and as gauges. */
import type { Engine } from '../core/engine.ts'
import { type EngineSlots, HEALTH_NAMES } from '../shared/engine-slots.ts'
import type { GaugeSample, GaugeSource } from '../telemetry/exposition.ts'

export function engineView(engine: Engine, slots: EngineSlots): object {
  const { slot, generation, url, role, models, maxRunning, bootstrapPort } = engine
  return {
    url,
    role,
    slot,
    generation,
    health: slots.health(slot),
    inFlight: slots.inFlight(slot),
    maxRunning: maxRunning ?? null,
    models,
    ...(role === 'prefill' ? { bootstrapPort } : {}),
  }
}

export function engineGauges(engines: readonly Engine[], slots: EngineSlots): GaugeSource[] {
  const each = (read: (engine: Engine) => number | undefined) => (): GaugeSample[] =>
    engines.flatMap(engine => {
      const value = read(engine)
      return value === undefined ? [] : [{ labels: { engine: engine.url, role: engine.role }, value }]
    })
  return [
    { name: 'pdgw_engine_health', read: () => engines.flatMap(engine => healthSamples(engine, slots)) },
    { name: 'pdgw_engine_in_flight', read: each(({ slot }) => slots.inFlight(slot)) },
    { name: 'pdgw_engine_max_running', read: each(({ maxRunning }) => maxRunning) },
  ]
}

function healthSamples({ slot, url, role }: Engine, slots: EngineSlots): GaugeSample[] {
  const health = slots.health(slot)
  return HEALTH_NAMES.map(state => ({
    labels: { engine: url, role, state },
    value: Number(state === health),
  }))
}
