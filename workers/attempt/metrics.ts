/**
 * Counts how attempts and requests end. Called once per attempt or request, never per chunk.
 *
 * It only counts: retries and breakers react to the same outcomes elsewhere.
 */
import type { GenerationEndpoint } from '../../src/core/endpoint.ts'
import type { Engine } from '../../src/core/engine.ts'
import type { GatewayError } from '../../src/core/errors.ts'
import type { CacheCorrection } from '../../src/shared/engine-caches.ts'
import type { Displaced } from '../../src/shared/prefix-index.ts'
import type { RequestOutcome } from '../../src/telemetry/metric-catalogue.ts'
import type { Recorder } from '../../src/telemetry/recorder.ts'
import type { Failure } from '../classify/failure.ts'
import type { Pair } from '../selection/pair-selector.ts'

/** Keys are built once, not with every request. */
const REQUEST_LABELS = {
  generate: labelsOf('generate'),
  chat: labelsOf('chat'),
  completions: labelsOf('completions'),
  responses: labelsOf('responses'),
  messages: labelsOf('messages'),
} as const

/** Numbers of tokens of a prompt. */
export interface PromptTokens {
  readonly prompt: number
  readonly cached: number
  readonly predicted: number
}

export class RouterMetrics {
  readonly #recorder: Recorder

  constructor(recorder: Recorder) {
    this.#recorder = recorder
  }

  attemptStarted({ prefill, decode, prefillReason, decodeReason }: Pair): void {
    this.#recorder.count('pdgw_router_attempts_total')
    if (prefill) this.#legStarted(prefill, prefillReason)
    this.#legStarted(decode, decodeReason)
  }

  #legStarted({ slot }: Engine, reason: Pair['decodeReason']): void {
    this.#recorder.countEngine('pdgw_engine_attempts_total', slot)
    if (reason !== undefined) this.#recorder.countEngine('pdgw_engine_choices_total', slot, reason)
  }

  /** The leg ended before any byte of its request was written. */
  legUnsent({ slot }: Engine): void {
    this.#recorder.countEngine('pdgw_engine_unsent_legs_total', slot)
  }

  /** `engines`: those that the failure is charged to. Also counts streams that broke after the first token. */
  attemptFailed({ cause, chargedTo }: Failure, engines: readonly Engine[]): void {
    this.#recorder.count('pdgw_router_attempt_failures_total', cause)
    if (chargedTo.kind === 'pair') this.#recorder.count('pdgw_router_pair_failures_total')
    if (chargedTo.kind !== 'engine') return
    for (const { slot } of engines) this.#recorder.countEngine('pdgw_engine_failures_total', slot, cause)
  }

  /** Token counts of one prompt, as the engine reports them, and as they were expected. */
  promptComputed({ slot }: Engine, { prompt, cached, predicted }: PromptTokens): void {
    this.#recorder.countEngine('pdgw_engine_prompt_tokens_total', slot, '', prompt)
    this.#recorder.countEngine('pdgw_engine_cached_tokens_total', slot, '', cached)
    this.#recorder.countEngine('pdgw_engine_predicted_tokens_total', slot, '', predicted)
  }

  /** A prediction of what the engine of the slot has cached was wrong. */
  predictionCorrected(slot: number, kind: CacheCorrection): void {
    this.#recorder.countEngine('pdgw_engine_cache_corrections_total', slot, kind)
  }

  /** Blocks have lost their places in the index of prefixes. */
  blocksDisplaced({ blocks, idleSecs }: Displaced): void {
    this.#recorder.count('pdgw_router_index_displaced_blocks_total', '', blocks)
    this.#recorder.count('pdgw_router_index_displaced_idle_seconds_total', '', idleSecs)
  }

  retried({ cause }: Failure): void {
    this.#recorder.count('pdgw_router_retries_total', cause)
  }

  firstToken(sinceStartMs: number): void {
    this.#recorder.observe('pdgw_router_ttft_seconds', sinceStartMs / 1000)
  }

  requestEnded(endpoint: GenerationEndpoint, outcome: RequestOutcome, sinceStartMs: number): void {
    this.#recorder.count('pdgw_router_requests_total', REQUEST_LABELS[endpoint][outcome])
    this.#recorder.observe('pdgw_router_request_duration_seconds', sinceStartMs / 1000)
  }
}

/** Statuses below 500 count as client errors, whether they come from an engine or from the gateway. */
export function outcomeOf({ status, fault }: GatewayError): RequestOutcome {
  if (status < 500 || fault === 'client') return 'client-error'
  return fault === 'engine' ? 'engine-error' : 'gateway-error'
}

function labelsOf<Endpoint extends GenerationEndpoint>(endpoint: Endpoint) {
  return {
    ok: `${endpoint} ok`,
    'client-error': `${endpoint} client-error`,
    'engine-error': `${endpoint} engine-error`,
    'gateway-error': `${endpoint} gateway-error`,
    broken: `${endpoint} broken`,
    aborted: `${endpoint} aborted`,
  } as const satisfies Record<RequestOutcome, string>
}
