/** The line that SGLang's `bench_serving` (0.5.23) appends to its output file, with the same keys and units. Pure. */
import { member } from '../../json/member.ts'
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

/** `serverInfo` is what the target says at `/server_info`; null if it says nothing. */
export function servingLine(labels: ServingLabels, level: Level, serverInfo: unknown) {
  const { durationSeconds, outputTokens, inputTokens, requests } = level
  const perSecond = (count: number) => (durationSeconds === 0 ? 0 : count / durationSeconds)
  return {
    ...labels,
    sharegpt_output_len: null,
    server_info: serverInfo,
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
    ...timesOf('e2e_latency', level.latencyMs),
    ...timesOf('ttft', level.ttftMs),
    ...timesOf('tpot', level.tpotMs),
    ...timesOf('itl', level.itlMs),
    concurrency: perSecond(((level.latencyMs?.mean ?? 0) * requests.ok) / 1000),
    accept_length: acceptLength(serverInfo),
    // That tool counts chunks, and requests by the seconds that they touch.
    max_output_tokens_per_s: level.busiestSecond.chunks,
    max_concurrent_requests: level.busiestSecond.requests,
  }
}

/** How many tokens speculative decoding accepts a step, as the engine or the first decode engine reports it. */
function acceptLength(serverInfo: unknown): unknown {
  const decode = member(serverInfo, 'decode')
  const engine: unknown = Array.isArray(decode) ? decode[0] : serverInfo
  const states = member(engine, 'internal_states')
  return member(Array.isArray(states) ? states[0] : undefined, 'avg_spec_accept_length') ?? null
}

/** Without samples that tool writes 0. */
function timesOf(name: string, times: Distribution | null) {
  const kinds = ['mean', 'median', 'std', 'p90', 'p95', 'p99'] as const
  return Object.fromEntries(kinds.map(kind => [`${kind}_${name}_ms`, times?.[kind] ?? 0]))
}
