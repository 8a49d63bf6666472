/**
 * Tells the circuit breakers and the pair link how an attempt went: each leg once that it was good, at most once that
 * it failed. A probe is given back in every case, also when the attempt was given up.
 */
import type { Leg } from '../../src/core/errors.ts'
import type { LegVerdict } from '../../src/resilience/circuit-breaker.ts'
import type { PairLinks } from '../../src/shared/pair-links.ts'
import type { Failure } from '../classify/failure.ts'
import type { Breakers, Probe } from './breakers.ts'
import type { Pair } from './pair-selector.ts'

/** What SGLang says when it has lost the other engine for good: a good probe of either does not mean anything then. */
const LOST = /is not alive|(?:might|could) be dead/

export interface VerdictBooks {
  readonly breakers: Breakers
  readonly links: PairLinks
  readonly nowMs: () => number
}

export class LegVerdicts {
  readonly #pair: Pair
  readonly #books: VerdictBooks
  #probes: readonly Probe[]

  /** `probes`: those that were claimed for the pair. */
  constructor(pair: Pair, probes: readonly Probe[], books: VerdictBooks) {
    this.#pair = pair
    this.#probes = probes
    this.#books = books
  }

  /** Decode has shown a token, or the whole answer: both engines and their link work. */
  good(): void {
    const { prefill, decode } = this.#pair
    const { breakers, links } = this.#books
    this.#settle(() => 'good')
    breakers.record(decode, 'good')
    if (prefill === undefined) return
    breakers.record(prefill, 'good')
    links.succeeded(prefill.slot, decode.slot)
  }

  failed({ blame, error }: Failure): void {
    const guilty = blame === 'engine' ? this.#engineOf(error.leg) : undefined
    this.#settle(slot => (slot === guilty?.slot ? 'failed' : 'neutral'))
    if (guilty !== undefined) this.#books.breakers.record(guilty, 'failed')
    const { prefill, decode } = this.#pair
    if (blame !== 'link' || prefill === undefined) return
    this.#books.links.failed(prefill.slot, decode.slot, this.#books.nowMs(), LOST.test(error.message))
  }

  /** The client left, or the deadline has passed. */
  abandoned(): void {
    this.#settle(() => 'neutral')
  }

  #engineOf(leg: Leg | undefined) {
    if (leg === 'prefill') return this.#pair.prefill
    return leg === 'decode' ? this.#pair.decode : undefined
  }

  #settle(verdictOf: (slot: number) => LegVerdict): void {
    for (const probe of this.#probes) this.#books.breakers.settle(probe, verdictOf(probe.slot))
    this.#probes = []
  }
}
