/** Differences between engine versions that a client can observe, in one table. */
import type { Knobs } from './knobs.ts'

export interface ProfileTraits {
  /** Chat and completions streams send their head with the first event, so that an earlier error has its own status. */
  readonly headWithFirstEvent: boolean
  /** A failed chat or completions stream ends with finish_reason "abort", without an error event. */
  readonly silentAbort: boolean
  /** An aborted decode request notifies its prefill engine. */
  readonly decodeAbortReachesPrefill: boolean
  /** A decode engine crashes on a request without bootstrap_host. Otherwise such a request fails the handshake. */
  readonly missingHostKillsDecode: boolean
  /** Error events of /generate have type, code and retryable. */
  readonly typedErrorEvents: boolean
  readonly retractionsField: 'num_retractions' | 'total_retractions'
  /** The HTTP server: uvicorn in Python, or SGLang's own in Rust (`SGLANG_RUST_SERVER=1`). */
  readonly frontend: 'python' | 'rust'
  /** Time from the close of a streaming connection to the abort, in milliseconds, unless the knob sets it. */
  readonly streamAbortDelayMs: number
  /**
   * What a decode engine does while it tries an address where nothing listens: it blocks its whole loop, or only the
   * requests for that address wait. A host that accepts connections and stays silent always blocks it.
   */
  readonly refusedHostStalls: boolean
  /** A prefill request whose decode request was aborted before it came fails at once; otherwise it waits. */
  readonly latePrefillFails: boolean
  /** The first row of decode's `output_token_ids_logprobs`, which no KV transfer carries: left out, or null. */
  readonly firstIdsRow: 'missing' | 'null'
  /** A prompt or parameter that is refused on a /generate stream is reported in the stream, with the status 200. */
  readonly reportsValueErrorsInStream: boolean
  /** Bodies are checked against a schema, which refuses unknown sampling parameters, wrong types and wrong ranges. */
  readonly checksSchema: boolean
  /** A chat message without tool calls has `tool_calls: null`; otherwise it has no such field. */
  readonly hasNullToolCalls: boolean
  /** `dp_rank` of a single rank is 0; otherwise null. */
  readonly numbersSingleRank: boolean
  /** `/get_load` exists. */
  readonly hasLegacyLoad: boolean
  /** Responses have `weight_versions`, `cached_tokens_details` and `completion_tokens_details`. */
  readonly hasTokenDetails: boolean
  /** `/v1/responses` and `/v1/messages` can be used with a pair. */
  readonly hasAgentPaths: boolean
}

const UNTIL_2026_07 = {
  frontend: 'python',
  streamAbortDelayMs: 2000,
  refusedHostStalls: true,
  latePrefillFails: false,
  firstIdsRow: 'missing',
  reportsValueErrorsInStream: false,
  checksSchema: false,
  hasNullToolCalls: true,
  numbersSingleRank: true,
  hasLegacyLoad: true,
  hasTokenDetails: false,
  hasAgentPaths: false,
} as const

/** SGLang 0.5.23, as it was run on CPUs in November 2026. */
const SGLANG_2026_10: ProfileTraits = {
  headWithFirstEvent: true,
  silentAbort: false,
  decodeAbortReachesPrefill: true,
  missingHostKillsDecode: true,
  typedErrorEvents: true,
  retractionsField: 'num_retractions',
  frontend: 'python',
  streamAbortDelayMs: 0,
  refusedHostStalls: false,
  latePrefillFails: true,
  firstIdsRow: 'null',
  reportsValueErrorsInStream: true,
  checksSchema: true,
  hasNullToolCalls: false,
  numbersSingleRank: false,
  hasLegacyLoad: false,
  hasTokenDetails: true,
  hasAgentPaths: true,
}

const PROFILES: Readonly<Record<Knobs['profile'], ProfileTraits>> = {
  'sglang-2026-10': SGLANG_2026_10,
  'sglang-2026-10-rust': { ...SGLANG_2026_10, frontend: 'rust' },
  'sglang-2026-07': {
    headWithFirstEvent: true,
    silentAbort: false,
    decodeAbortReachesPrefill: true,
    missingHostKillsDecode: true,
    typedErrorEvents: true,
    retractionsField: 'num_retractions',
    ...UNTIL_2026_07,
  },
  'sglang-2026-02': {
    headWithFirstEvent: false,
    silentAbort: true,
    decodeAbortReachesPrefill: false,
    missingHostKillsDecode: false,
    typedErrorEvents: false,
    retractionsField: 'total_retractions',
    ...UNTIL_2026_07,
  },
}

export function traitsOf(knobs: Knobs): ProfileTraits {
  return PROFILES[knobs.profile]
}
