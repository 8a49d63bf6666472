/** Renders engines for the admin listener, as JSON and as gauges. */
import { processNowMs } from '../core/clock.ts'
import type { Engine } from '../core/engine.ts'
import { haveCommonModel, pairingConflict, unpairedEngines } from '../core/pairing.ts'
import type { BreakerCells } from '../shared/breaker-cells.ts'
import type { EngineCaches } from '../shared/engine-caches.ts'
import { type EngineSlots, HEALTH_NAMES } from '../shared/engine-slots.ts'
import type { PairHealth } from '../shared/pair-health.ts'
import type { GaugeSample, GaugeSource } from '../telemetry/exposition.ts'

/** State of the engines in shared memory. */
export interface EngineState {
  readonly slots: EngineSlots
  readonly breakers: BreakerCells
  readonly pairHealth: PairHealth
  readonly caches: EngineCaches
}

const BREAKER_VALUES = { closed: 0, open: 1, 'half-open': 2 } as const

/** Health of an engine that is known by its address alone, because it has not responded yet. */
export const JOINING = 'joining'

/** `engines` are all engines, among which are the pairs of a prefill engine. `error`: why its last probe has failed. */
export function engineView(
  engine: Engine,
  engines: readonly Engine[],
  state: EngineState,
  error: string | undefined,
): object {
  const { slot, generation, url, role, models, maxRunning, dpSize, bootstrapPort } = engine
  return {
    url,
    role,
    slot,
    generation,
    health: state.slots.health(slot),
    error,
    breaker: state.breakers.state(slot, processNowMs()).kind,
    inFlight: state.slots.inFlight(slot),
    promptBytes: sumOfRanks(engine, state.slots, target => state.caches.work(target)),
    othersRequests: othersRequests(engine, state.slots),
    maxRunning: maxRunning ?? null,
    dpSize,
    ...ranksView(engine, state.slots),
    models,
    ...(role === 'prefill' ? { bootstrapPort, pairs: pairsOf(engine, engines, state.pairHealth) } : {}),
  }
}

function othersRequests(engine: Engine, slots: EngineSlots): number {
  return sumOfRanks(engine, slots, target => slots.othersRequests(target))
}

/** Of all ranks of the engine, or of the engine itself. */
function sumOfRanks(engine: Engine, slots: EngineSlots, read: (target: number) => number): number {
  return slots.targetsOf(engine).reduce((sum, target) => sum + read(target), 0)
}

function ranksView(engine: Engine, slots: EngineSlots): object {
  if (engine.ranks === undefined) return {}
  return { inFlightByRank: slots.targetsOf(engine).map(target => slots.rankInFlight(target)) }
}

/** Pairs of a prefill engine that have failed since their last success, or that only a setting keeps from working. */
function pairsOf(engine: Engine, engines: readonly Engine[], pairHealth: PairHealth): object[] {
  const nowMs = processNowMs()
  const { slot } = engine
  return decodesOf(engines).flatMap<object>(decode => {
    if (!haveCommonModel(engine.models, decode.models)) return []
    const conflict = pairingConflict(engine, decode)
    if (conflict !== undefined) return [{ decode: decode.url, conflict }]
    const failures = pairHealth.failures(slot, decode.slot)
    return failures === 0
      ? []
      : [{ decode: decode.url, failures, isAvoided: pairHealth.isAvoided(slot, decode.slot, nowMs) }]
  })
}

/** `joining` are engines that have not responded yet: they have a health and nothing else. */
export function engineGauges(
  engines: readonly Engine[],
  state: Omit<EngineState, 'caches'>,
  joining: readonly Pick<Engine, 'url' | 'role'>[],
): GaugeSource[] {
  const { slots, breakers } = state
  const perEngine = (read: (engine: Engine) => number | undefined) => (): GaugeSample[] =>
    engines.flatMap(engine => {
      const value = read(engine)
      return value === undefined ? [] : [{ labels: { engine: engine.url, role: engine.role }, value }]
    })
  return [
    {
      name: 'pdgw_engine_health',
      read: () => [
        ...engines.flatMap(engine => healthSamples(engine, slots.health(engine.slot))),
        ...joining.flatMap(engine => healthSamples(engine, JOINING)),
      ],
    },
    { name: 'pdgw_engine_in_flight', read: perEngine(({ slot }) => slots.inFlight(slot)) },
    { name: 'pdgw_engine_others_requests', read: perEngine(engine => othersRequests(engine, slots)) },
    { name: 'pdgw_engine_max_running', read: perEngine(({ maxRunning }) => maxRunning) },
    {
      name: 'pdgw_engine_breaker_state',
      read: perEngine(({ slot }) => BREAKER_VALUES[breakers.state(slot, processNowMs()).kind]),
    },
    { name: 'pdgw_engine_unpaired', read: () => unpairedSamples(engines) },
    {
      name: 'pdgw_router_pairs_avoided',
      read: () => [{ labels: {}, value: avoidedPairs(engines, state.pairHealth) }],
    },
  ]
}

function unpairedSamples(engines: readonly Engine[]): GaugeSample[] {
  const unpaired = new Set(unpairedEngines(engines).map(({ engine }) => engine))
  return engines
    .filter(({ role }) => role !== 'mixed')
    .map(engine => ({
      labels: { engine: engine.url, role: engine.role },
      value: Number(unpaired.has(engine)),
    }))
}

function avoidedPairs(engines: readonly Engine[], pairHealth: PairHealth): number {
  if (pairHealth.areAllUsable()) return 0
  const nowMs = processNowMs()
  const prefills = engines.filter(({ role }) => role === 'prefill')
  const decodes = decodesOf(engines)
  return prefills.reduce(
    (sum, { slot }) => sum + decodes.filter(decode => pairHealth.isAvoided(slot, decode.slot, nowMs)).length,
    0,
  )
}

function decodesOf(engines: readonly Engine[]): readonly Engine[] {
  return engines.filter(({ role }) => role === 'decode')
}

function healthSamples({ url, role }: Pick<Engine, 'url' | 'role'>, health: string): GaugeSample[] {
  return [...HEALTH_NAMES, JOINING].map(state => ({
    labels: { engine: url, role, state },
    value: Number(state === health),
  }))
}
