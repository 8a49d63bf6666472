/**
 * Reports the outcome of one attempt to the circuit breakers and to the health of the pair: that its engines are good
 * at most once, that they failed at most once. Probes are given back whatever the outcome, even when the attempt was
 * abandoned.
 */
import type { Engine } from '../../src/core/engine.ts'
import type { LegOutcome } from '../../src/resilience/circuit-breaker.ts'
import type { PairHealth } from '../../src/shared/pair-health.ts'
import type { Charge } from '../classify/failure.ts'
import type { Breakers, Probe } from './breakers.ts'
import type { Pair } from './pair-selector.ts'

export interface FeedbackDependencies {
  readonly breakers: Pick<Breakers, 'record' | 'settle' | 'noteAnswer'>
  readonly pairHealth: Pick<PairHealth, 'succeeded' | 'failed'>
  /** The process clock, which all threads share. */
  readonly nowMs: () => number
}

export class AttemptFeedback {
  readonly #pair: Pair
  readonly #dependencies: FeedbackDependencies
  #probes: readonly Probe[]

  /** `probes`: the probes that were claimed for the engines of the pair. */
  constructor(pair: Pair, probes: readonly Probe[], dependencies: FeedbackDependencies) {
    this.#pair = pair
    this.#probes = probes
    this.#dependencies = dependencies
  }

  /** Prefill has sent its response. */
  prefillAnswered(): void {
    if (this.#pair.prefill !== undefined) this.#dependencies.breakers.noteAnswer(this.#pair.prefill)
  }

  /** Decode has sent a token or its whole response, so both engines and the transfer between them work. */
  succeeded(): void {
    const { prefill, decode } = this.#pair
    const { breakers, pairHealth } = this.#dependencies
    this.#settle(() => 'good')
    breakers.noteAnswer(decode)
    breakers.record(decode, 'good')
    if (prefill === undefined) return
    breakers.record(prefill, 'good')
    pairHealth.succeeded(prefill.slot, decode.slot)
  }

  /** `engines`: those of the pair that `charge` names. The breakers count only failures of a single engine. */
  failed(charge: Charge, engines: readonly Engine[]): void {
    const failed = charge.kind === 'engine' ? engines : []
    this.#settle(slot => (failed.some(engine => engine.slot === slot) ? 'failed' : 'neutral'))
    const { breakers, pairHealth, nowMs } = this.#dependencies
    for (const engine of failed) breakers.record(engine, 'failed')
    const { prefill, decode } = this.#pair
    if (charge.kind === 'pair' && prefill !== undefined)
      pairHealth.failed(prefill.slot, decode.slot, nowMs(), charge.isLost)
  }

  /** The attempt ended without a result: it was never sent, the client left, or the deadline passed. */
  abandoned(): void {
    this.#settle(() => 'neutral')
  }

  #settle(outcomeOf: (slot: number) => LegOutcome): void {
    for (const probe of this.#probes) this.#dependencies.breakers.settle(probe, outcomeOf(probe.slot))
    this.#probes = []
  }
}
