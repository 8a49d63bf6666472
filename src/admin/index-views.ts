/** Renders the index of cached prefixes, and what is believed of the engines' caches, as JSON and as gauges. */
import { processNowMs } from '../core/clock.ts'
import type { Engine } from '../core/engine.ts'
import { type EngineCaches, MAX_WINDOW } from '../shared/engine-caches.ts'
import { sampleIndex } from '../shared/index-sample.ts'
import type { SharedMemory } from '../shared/layout.ts'
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
      .map(engine => engineCacheView(engine, held[engine.slot] ?? 0, state, second)),
  }
}

export function indexGauges({ index }: Pick<IndexState, 'index'>): GaugeSource[] {
  return [
    { name: 'pdgw_router_index_blocks', read: () => [{ labels: {}, value: index.size }] },
    { name: 'pdgw_router_index_max_blocks', read: () => [{ labels: {}, value: index.capacity }] },
  ]
}

function engineCacheView(
  { url, role, slot }: Engine,
  heldBlocks: number,
  { caches, metrics }: IndexState,
  second: number,
): object {
  const { window, capacity } = caches.read(slot)
  const prompt = engineTotalOf(metrics, 'pdgw_engine_prompt_tokens_total', slot)
  const cached = engineTotalOf(metrics, 'pdgw_engine_cached_tokens_total', slot)
  const predicted = engineTotalOf(metrics, 'pdgw_engine_predicted_tokens_total', slot)
  return {
    url,
    role,
    slot,
    windowBytes: window,
    capacityBytes: capacity < MAX_WINDOW ? capacity : null,
    heldBlocks: Math.round(heldBlocks),
    computedBytes: caches.computedBytes(slot),
    recentBytes: Math.round(caches.recent(slot, second)),
    waitingBytes: caches.work(slot),
    promptTokens: prompt,
    reportedHitRate: rounded(prompt === 0 ? undefined : cached / prompt),
    predictedHitRate: rounded(prompt === 0 ? undefined : predicted / prompt),
    latestCorrection: caches.latestCorrection(slot, second) ?? null,
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
