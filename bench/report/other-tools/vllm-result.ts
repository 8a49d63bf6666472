/** The result file of vLLM's `bench serve --save-result`, with the same keys and units. Pure. */

import type { RequestRecord } from '../../load/records/record.ts'
import type { LoadResult } from '../../load/records/result.ts'
import { goodputOf, type Limits, timeOf } from '../goodput.ts'
import { percentileOf, sorted, statisticsOf } from '../percentiles.ts'
import type { Level } from '../schema.ts'
import { rampEvents } from './ramp-events.ts'
import { requestArrays, sendingTimes } from './request-arrays.ts'
import type { VllmMetric } from './vllm-metrics.ts'

export interface VllmOptions {
  readonly backend: string
  readonly label: string | null
  readonly requestRate: number
  readonly burstiness: number
  readonly maxConcurrency: number | null
  readonly ramp: { readonly strategy: string; readonly startRps: number; readonly endRps: number } | undefined
  readonly metadata: Readonly<Record<string, string>>
  readonly percentileMetrics: readonly VllmMetric[]
  /** 0..100. */
  readonly percentiles: readonly number[]
  readonly goodput: Limits | undefined
  /** Adds an entry per request. */
  readonly isDetailed: boolean
}

export function vllmResult(options: VllmOptions, level: Level, result: LoadResult, startMs: number) {
  const { durationSeconds, inputTokens, outputTokens, outputTokensPerSecond, requests } = level
  const { backend, label, ramp, goodput, percentiles } = options
  return {
    date: dateOf(startMs),
    endpoint_type: backend,
    backend,
    label,
    model_id: result.plan.model,
    tokenizer_id: result.plan.model,
    num_prompts: requests.sent,
    ...options.metadata,
    request_rate: options.requestRate === Infinity ? 'inf' : options.requestRate,
    burstiness: options.burstiness,
    max_concurrency: options.maxConcurrency,
    ...(ramp === undefined
      ? {}
      : {
          ramp_up_strategy: ramp.strategy,
          ramp_up_start_rps: ramp.startRps,
          ramp_up_end_rps: ramp.endRps,
          rps_change_events: rampEvents(result),
        }),
    duration: durationSeconds,
    completed: requests.ok,
    failed: requests.sent - requests.ok,
    total_input_tokens: inputTokens,
    total_output_tokens: outputTokens,
    request_throughput: level.requestsPerSecond,
    request_goodput: goodput === undefined ? null : goodputOf(result, goodput, durationSeconds),
    output_throughput: outputTokensPerSecond,
    total_token_throughput: durationSeconds === 0 ? 0 : (inputTokens + outputTokens) / durationSeconds,
    // vLLM counts chunks, and requests by the seconds that they touch.
    max_output_tokens_per_s: level.busiestSecond.chunks,
    max_concurrent_requests: level.busiestSecond.requests,
    // The real-time factor of speech input, which does not exist here.
    rtfx: 0,
    ...(options.isDetailed ? detailsOf(result) : {}),
    ...Object.assign({}, ...metricsOf(options).map(name => timesOf(name, result, percentiles))),
  }
}

function detailsOf({ records }: LoadResult) {
  return { ...requestArrays(records, 'chunk'), ...sendingTimes(records) }
}

/** The name that vLLM chooses: `vllm-infqps-concurrency8-sim-20260102-030405.json`. */
export function vllmFileName(options: VllmOptions, model: string, startMs: number): string {
  const { label, backend, requestRate, maxConcurrency, ramp } = options
  const steady = `${requestRate === Infinity ? 'inf' : requestRate}qps`
  const rate = ramp === undefined ? steady : `ramp-up-${ramp.strategy}-${ramp.startRps}qps-${ramp.endRps}qps`
  const limit = maxConcurrency === null ? '' : `-concurrency${maxConcurrency}`
  return `${label ?? backend}-${rate}${limit}-${model.split('/').at(-1)}-${dateOf(startMs)}.json`
}

/** vLLM writes the queue metrics only with a concurrency limit, and latency with queue only with a finite rate. */
function metricsOf({ percentileMetrics, maxConcurrency, requestRate, ramp }: VllmOptions) {
  const isPaced = requestRate !== Infinity || ramp !== undefined
  return percentileMetrics.filter(name => {
    if (name === 'client_queue_time') return maxConcurrency !== null
    return name !== 'e2el_including_client_queue' || (maxConcurrency !== null && isPaced)
  })
}

function timesOf(
  name: VllmMetric,
  result: LoadResult,
  percentiles: readonly number[],
): Record<string, number> {
  const ordered = samplesOf(name, result)
  const { mean, median, std } = statisticsOf(ordered)
  return Object.fromEntries([
    [`mean_${name}_ms`, mean],
    [`median_${name}_ms`, median],
    [`std_${name}_ms`, std],
    ...percentiles.map(percent => [`p${percent}_${name}_ms`, percentileOf(ordered, percent)] as const),
  ])
}

function samplesOf(name: VllmMetric, { records, iclMs }: LoadResult): Float64Array {
  // vLLM's ITL is the time between chunks, however many tokens they contain.
  if (name === 'itl') return sorted(iclMs)
  const good = records.filter(({ outcome }) => outcome === 'ok')
  return sorted(good.flatMap(record => metricOf(record, name) ?? []))
}

function metricOf(record: RequestRecord, name: Exclude<VllmMetric, 'itl'>): number | undefined {
  const { scheduledMs, sentMs, endMs } = record
  switch (name) {
    case 'client_queue_time':
      return sentMs - scheduledMs
    case 'e2el_including_client_queue':
      return endMs - scheduledMs
    case 'ttft':
    case 'tpot':
    case 'e2el':
      return timeOf(record, name)
  }
}

/** The format is 20260102-030405, in UTC. */
function dateOf(startMs: number): string {
  return new Date(startMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-')
}
