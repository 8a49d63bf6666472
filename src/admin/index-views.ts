/** Renders the index of cached prefixes, and what is believed of the engines' caches, as JSON and as gauges. */
import { processNowMs } from '../core/clock.ts'
import type { Engine } from '../core/engine.ts'
import { type EngineCaches, MAX_WINDOW } from '../shared/engine-caches.ts'
import { sampleIndex } from '../shared/index-sample.ts'
import { type SharedMemory, targetOf } from '../shared/layout.ts'
import type { PrefixIndex } from '../shared/prefix-index.ts'
import type { GaugeSource } from '../telemetry/exposition.ts'
import type { CounterMetric, EngineCounterMetric } from '../telemetry/metric-catalogue.ts'
import type { MetricReader } from '../telemetry/metric-reader.ts'

export interface IndexState {
  readonly shared: SharedMemory
  readonly index: PrefixIndex
  readonly caches: EngineCaches
  readonly metrics: MetricReader
}

/** Engines that only decode are left out: they compute no prompts. */
export function indexView(engines: readonly Engine[], state: IndexState): object {
  const { shared, index, caches, metrics } = state
  const second = Math.floor(processNowMs() / 1000)
  const { share, held, nextIdleSecs } = sampleIndex(shared, caches, second)
  const displaced = totalOf(metrics, 'pdgw_router_index_displaced_blocks_total')
  const idleSecs = totalOf(metrics, 'pdgw_router_index_displaced_idle_seconds_total')
  return {
    bytes: shared.prefixes.byteLength,
    blocks: index.size,
    maxBlocks: index.capacity,
    displacedBlocks: displaced,
    displacedIdleSecs: rounded(displaced === 0 ? undefined : idleSecs / displaced),
    nextIdleSecs: rounded(nextIdleSecs),
    sampledShare: share,
    engines: engines
      .filter(({ role }) => role !== 'decode')
      .flatMap(engine => ranksOf(engine, shared))
      .map(target => cacheView(target, held[target.number] ?? 0, state, second)),
  }
}

export function indexGauges({ index }: Pick<IndexState, 'index'>): GaugeSource[] {
  return [
    { name: 'pdgw_router_index_blocks', read: () => [{ labels: {}, value: index.size }] },
    { name: 'pdgw_router_index_max_blocks', read: () => [{ labels: {}, value: index.capacity }] },
  ]
}

/** An engine, or one of its data-parallel ranks, each of which has a cache of its own. */
interface Target {
  readonly engine: Engine
  readonly rank: number | undefined
  /** By which shared memory counts it. */
  readonly number: number
}

function ranksOf(engine: Engine, { maxEngines }: SharedMemory): Target[] {
  const { slot, ranks } = engine
  if (ranks === undefined) return [{ engine, rank: undefined, number: slot }]
  return Array.from({ length: ranks.count }, (_, rank) => {
    return { engine, rank, number: targetOf(slot, rank, maxEngines) }
  })
}

/** What was counted by engine, such as tokens, is that of the whole engine for each rank. */
function cacheView(
  { engine: { url, role, slot }, rank, number }: Target,
  heldBlocks: number,
  { caches, metrics }: IndexState,
  second: number,
): object {
  const { window, capacity } = caches.read(number)
  const prompt = engineTotalOf(metrics, 'pdgw_engine_prompt_tokens_total', slot)
  const cached = engineTotalOf(metrics, 'pdgw_engine_cached_tokens_total', slot)
  const predicted = engineTotalOf(metrics, 'pdgw_engine_predicted_tokens_total', slot)
  return {
    url,
    role,
    slot,
    ...(rank !== undefined && { rank }),
    windowBytes: window,
    capacityBytes: capacity < MAX_WINDOW ? capacity : null,
    heldBlocks: Math.round(heldBlocks),
    computedBytes: caches.computedBytes(number),
    recentBytes: Math.round(caches.recent(number, second)),
    waitingBytes: caches.work(number),
    promptTokens: prompt,
    reportedHitRate: rounded(prompt === 0 ? undefined : cached / prompt),
    predictedHitRate: rounded(prompt === 0 ? undefined : predicted / prompt),
    latestCorrection: caches.latestCorrection(number, second) ?? null,
  }
}

function totalOf(metrics: MetricReader, name: CounterMetric): number {
  return metrics.sum(metrics.plan.counters.get(name)?.get('') ?? 0)
}

function engineTotalOf(metrics: MetricReader, name: EngineCounterMetric, slot: number): number {
  return metrics.engineSum(metrics.plan.engineCounters.get(name)?.get('') ?? 0, slot)
}

/** To three digits after the point; `null` where there is no number yet. */
function rounded(value: number | undefined): number | null {
  return value === undefined ? null : Math.round(value * 1000) / 1000
}
