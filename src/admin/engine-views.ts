/** An engine as the admin listener shows it: as JSON, and as gauges. */
import { processNowMs } from '../core/clock.ts'
import type { Engine } from '../core/engine.ts'
import type { BreakerCells } from '../shared/breaker-cells.ts'
import { type EngineSlots, HEALTH_NAMES } from '../shared/engine-slots.ts'
import type { PairLinks } from '../shared/pair-links.ts'
import type { GaugeSample, GaugeSource } from '../telemetry/exposition.ts'

/** What shared memory knows of the engines. */
export interface EngineState {
  readonly slots: EngineSlots
  readonly breakers: BreakerCells
  readonly links: PairLinks
}

const BREAKER_VALUES = { closed: 0, open: 1, 'half-open': 2 } as const

export function engineView(engine: Engine, all: readonly Engine[], state: EngineState): object {
  const { slot, generation, url, role, models, maxRunning, bootstrapPort } = engine
  return {
    url,
    role,
    slot,
    generation,
    health: state.slots.health(slot),
    breaker: state.breakers.state(slot, processNowMs()).kind,
    inFlight: state.slots.inFlight(slot),
    maxRunning: maxRunning ?? null,
    models,
    ...(role === 'prefill' ? { bootstrapPort, links: linksOf(engine, all, state.links) } : {}),
  }
}

/** Only those that have failed of late. */
function linksOf({ slot }: Engine, all: readonly Engine[], links: PairLinks): object[] {
  const nowMs = processNowMs()
  return decodesOf(all).flatMap(decode => {
    const failures = links.failures(slot, decode.slot)
    return failures === 0
      ? []
      : [{ decode: decode.url, failures, isAvoided: links.isAvoided(slot, decode.slot, nowMs) }]
  })
}

export function engineGauges(engines: readonly Engine[], state: EngineState): GaugeSource[] {
  const { slots, breakers } = state
  const each = (read: (engine: Engine) => number | undefined) => (): GaugeSample[] =>
    engines.flatMap(engine => {
      const value = read(engine)
      return value === undefined ? [] : [{ labels: { engine: engine.url, role: engine.role }, value }]
    })
  return [
    { name: 'pdgw_engine_health', read: () => engines.flatMap(engine => healthSamples(engine, slots)) },
    { name: 'pdgw_engine_in_flight', read: each(({ slot }) => slots.inFlight(slot)) },
    { name: 'pdgw_engine_max_running', read: each(({ maxRunning }) => maxRunning) },
    {
      name: 'pdgw_engine_breaker_state',
      read: each(({ slot }) => BREAKER_VALUES[breakers.state(slot, processNowMs()).kind]),
    },
    {
      name: 'pdgw_router_links_open',
      read: () => [{ labels: {}, value: openLinks(engines, state.links) }],
    },
  ]
}

function openLinks(engines: readonly Engine[], links: PairLinks): number {
  if (links.areAllWhole()) return 0
  const nowMs = processNowMs()
  const prefills = engines.filter(({ role }) => role === 'prefill')
  const isOpen = (prefill: Engine) => (decode: Engine) => links.isAvoided(prefill.slot, decode.slot, nowMs)
  return prefills.reduce((sum, prefill) => sum + decodesOf(engines).filter(isOpen(prefill)).length, 0)
}

function decodesOf(engines: readonly Engine[]): readonly Engine[] {
  return engines.filter(({ role }) => role === 'decode')
}

function healthSamples({ slot, url, role }: Engine, slots: EngineSlots): GaugeSample[] {
  const health = slots.health(slot)
  return HEALTH_NAMES.map(state => ({
    labels: { engine: url, role, state },
    value: Number(state === health),
  }))
}
