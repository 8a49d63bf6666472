/** An engine as the admin listener shows it: as JSON, and as gauges. */
import { processNowMs } from '../core/clock.ts'
import type { Engine } from '../core/engine.ts'
import type { BreakerCells } from '../shared/breaker-cells.ts'
import { type EngineSlots, HEALTH_NAMES } from '../shared/engine-slots.ts'
import type { PairHealth } from '../shared/pair-health.ts'
import type { GaugeSample, GaugeSource } from '../telemetry/exposition.ts'

/** What shared memory knows of the engines. */
export interface EngineState {
  readonly slots: EngineSlots
  readonly breakers: BreakerCells
  readonly pairHealth: PairHealth
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
    ...(role === 'prefill' ? { bootstrapPort, pairs: pairsOf(engine, all, state.pairHealth) } : {}),
  }
}

/** Only those that have failed of late. */
function pairsOf({ slot }: Engine, all: readonly Engine[], pairHealth: PairHealth): object[] {
  const nowMs = processNowMs()
  return decodesOf(all).flatMap(decode => {
    const failures = pairHealth.failures(slot, decode.slot)
    return failures === 0
      ? []
      : [{ decode: decode.url, failures, isAvoided: pairHealth.isAvoided(slot, decode.slot, nowMs) }]
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
      name: 'pdgw_router_pairs_avoided',
      read: () => [{ labels: {}, value: avoidedPairs(engines, state.pairHealth) }],
    },
  ]
}

function avoidedPairs(engines: readonly Engine[], pairHealth: PairHealth): number {
  if (pairHealth.areAllUsable()) return 0
  const nowMs = processNowMs()
  const prefills = engines.filter(({ role }) => role === 'prefill')
  const isOpen = (prefill: Engine) => (decode: Engine) =>
    pairHealth.isAvoided(prefill.slot, decode.slot, nowMs)
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
