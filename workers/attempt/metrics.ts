/**
 * What a router thread counts: how attempts and requests end. Called once an attempt or a request, never per chunk.
 *
 * Whoever reacts to an outcome (retry, breaker) does so elsewhere; here it only becomes a figure.
 */
import type { GenerationEndpoint } from '../../src/core/endpoint.ts'
import type { Engine } from '../../src/core/engine.ts'
import type { GatewayError } from '../../src/core/errors.ts'
import type { RequestOutcome } from '../../src/telemetry/metric-catalogue.ts'
import type { Recorder } from '../../src/telemetry/recorder.ts'
import type { Failure } from '../classify/failure.ts'
import type { Pair } from '../selection/pair-selector.ts'

/** Keys are made once, not with every request. */
const REQUEST_LABELS = {
  generate: labelsOf('generate'),
  chat: labelsOf('chat'),
  completions: labelsOf('completions'),
} as const

export class RouterMetrics {
  readonly #recorder: Recorder

  constructor(recorder: Recorder) {
    this.#recorder = recorder
  }

  attemptStarted({ prefill, decode }: Pair): void {
    this.#recorder.count('pdgw_router_attempts_total')
    if (prefill) this.#recorder.countEngine('pdgw_engine_attempts_total', prefill.slot)
    this.#recorder.countEngine('pdgw_engine_attempts_total', decode.slot)
  }

  /** The leg has ended before any of it was written. */
  legUnsent({ slot }: Engine): void {
    this.#recorder.countEngine('pdgw_engine_unsent_legs_total', slot)
  }

  /** `pair` is missing when none could be chosen. Counts also what broke after the first token. */
  attemptFailed({ cause, blame, error }: Failure, pair: Pair | undefined): void {
    this.#recorder.count('pdgw_router_attempt_failures_total', cause)
    if (blame === 'link') this.#recorder.count('pdgw_router_pair_failures_total')
    if (blame !== 'engine') return
    const guilty = error.leg === 'prefill' ? pair?.prefill : pair?.decode
    if (guilty) this.#recorder.countEngine('pdgw_engine_failures_total', guilty.slot, cause)
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

/** A 4xx is the client's matter, whether an engine or the gateway said it. */
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
