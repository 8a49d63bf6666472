/** The line that SGLang's `bench_serving` appends to its output file, with the same keys and units. */
import type { Distribution, Level } from '../schema.ts'

/** Settings of the run, named as the flags of that tool. */
export interface ServingLabels {
  readonly tag: string | null
  readonly backend: string
  readonly dataset_name: string
  readonly request_rate: number | 'inf' | 'trace'
  readonly max_concurrency: number | null
  readonly random_input_len: number
  readonly random_output_len: number
  readonly random_range_ratio: number
}

export function servingLine(labels: ServingLabels, level: Level) {
  const { durationSeconds, outputTokens, inputTokens, requests } = level
  const perSecond = (count: number) => (durationSeconds === 0 ? 0 : count / durationSeconds)
  return {
    ...labels,
    sharegpt_output_len: null,
    server_info: null,
    duration: durationSeconds,
    completed: requests.ok,
    total_input_tokens: inputTokens,
    total_input_text_tokens: inputTokens,
    total_input_vision_tokens: 0,
    total_output_tokens: outputTokens,
    // Counted by the engine; no text is tokenised here.
    total_output_tokens_retokenized: outputTokens,
    request_throughput: level.requestsPerSecond,
    input_throughput: perSecond(inputTokens),
    output_throughput: level.outputTokensPerSecond,
    total_throughput: perSecond(inputTokens + outputTokens),
    ...timesOf('e2e_latency', level.latencyMs, ['p90', 'p99']),
    ...timesOf('ttft', level.ttftMs, ['p99']),
    ...timesOf('tpot', level.tpotMs, ['p99']),
    ...timesOf('itl', level.itlMs, ['p95', 'p99']),
    max_itl_ms: level.itlMs?.max ?? 0,
    concurrency: perSecond(((level.latencyMs?.mean ?? 0) * requests.ok) / 1000),
    accept_length: null,
    max_output_tokens_per_s: level.maxOutputTokensPerSecond,
    max_concurrent_requests: level.inFlight.max,
  }
}

/** Without samples that tool writes 0. */
function timesOf(name: string, times: Distribution | null, percentiles: readonly ('p90' | 'p95' | 'p99')[]) {
  return Object.fromEntries([
    ...(['mean', 'median', 'std'] as const).map(kind => [`${kind}_${name}_ms`, times?.[kind] ?? 0] as const),
    ...percentiles.map(kind => [`${kind}_${name}_ms`, times?.[kind] ?? 0] as const),
  ])
}
