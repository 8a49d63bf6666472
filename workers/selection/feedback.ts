/**
 * Tells the circuit breakers and the pair link how an attempt went: each leg once that it was good, at most once that
 * it failed. A probe is given back in every case, also when the attempt was given up.
 */
import type { Leg } from '../../src/core/errors.ts'
import type { LegOutcome } from '../../src/resilience/circuit-breaker.ts'
import type { PairHealth } from '../../src/shared/pair-health.ts'
import type { Failure } from '../classify/failure.ts'
import type { Breakers, Probe } from './breakers.ts'
import type { Pair } from './pair-selector.ts'

/** What SGLang says when it has lost the other engine for good: a good probe of either does not mean anything then. */
const LOST = /is not alive|(?:might|could) be dead/

export interface FeedbackTargets {
  readonly breakers: Breakers
  readonly pairHealth: PairHealth
  readonly nowMs: () => number
}

export class AttemptFeedback {
  readonly #pair: Pair
  readonly #targets: FeedbackTargets
  #probes: readonly Probe[]

  /** `probes`: those that were claimed for the pair. */
  constructor(pair: Pair, probes: readonly Probe[], targets: FeedbackTargets) {
    this.#pair = pair
    this.#probes = probes
    this.#targets = targets
  }

  /** Decode has shown a token, or the whole answer: both engines and their link work. */
  succeeded(): void {
    const { prefill, decode } = this.#pair
    const { breakers, pairHealth } = this.#targets
    this.#settle(() => 'good')
    breakers.record(decode, 'good')
    if (prefill === undefined) return
    breakers.record(prefill, 'good')
    pairHealth.succeeded(prefill.slot, decode.slot)
  }

  failed({ blame, error }: Failure): void {
    const charged = blame === 'engine' ? this.#engineOf(error.leg) : undefined
    this.#settle(slot => (slot === charged?.slot ? 'failed' : 'neutral'))
    if (charged !== undefined) this.#targets.breakers.record(charged, 'failed')
    const { prefill, decode } = this.#pair
    if (blame !== 'link' || prefill === undefined) return
    this.#targets.pairHealth.failed(
      prefill.slot,
      decode.slot,
      this.#targets.nowMs(),
      LOST.test(error.message),
    )
  }

  /** The client left, or the deadline has passed. */
  abandoned(): void {
    this.#settle(() => 'neutral')
  }

  #engineOf(leg: Leg | undefined) {
    if (leg === 'prefill') return this.#pair.prefill
    return leg === 'decode' ? this.#pair.decode : undefined
  }

  #settle(outcomeOf: (slot: number) => LegOutcome): void {
    for (const probe of this.#probes) this.#targets.breakers.settle(probe, outcomeOf(probe.slot))
    this.#probes = []
  }
}
