/**
 * Decides which engines of an attempt that ends early get an abort, and when. It sends the aborts; `attempt.ts` closes
 * the legs.
 *
 * Decode's abort before its first item may be put off for up to `upstream.abortDeferMs` (`abortMode: deferred`).
 */
import type { Config } from '../../src/config/config.ts'
import type { Engine } from '../../src/core/engine.ts'
import { abortedFailure } from '../classify/request-failure.ts'
import type { DecodeLeg } from './decode-leg.ts'
import type { EngineAborts } from './engine-abort.ts'
import type { AttemptPlan } from './plan.ts'
import type { PrefillLeg } from './prefill-leg.ts'
import type { AttemptState } from './state.ts'

export interface AbortDependencies {
  readonly config: { readonly upstream: Pick<Config['upstream'], 'abortMode' | 'abortDeferMs'> }
  readonly aborts: Pick<EngineAborts, 'send'>
}

/** A leg that was sent longer ago than this has certainly been read by its engine. */
const MAYBE_UNREAD_MS = 1000

export class AbortPolicy {
  readonly #plan: AttemptPlan
  readonly #prefill: PrefillLeg
  readonly #decode: DecodeLeg
  readonly #dependencies: AbortDependencies
  readonly #startedMs = performance.now()

  constructor(
    plan: AttemptPlan,
    legs: { readonly prefill: PrefillLeg; readonly decode: DecodeLeg },
    dependencies: AbortDependencies,
  ) {
    this.#plan = plan
    this.#prefill = legs.prefill
    this.#decode = legs.decode
    this.#dependencies = dependencies
  }

  /** Some engine versions crash when decode is aborted during the KV transfer, that is before its first item (smg#2114). */
  defersDecode(state: AttemptState): boolean {
    return (
      this.#dependencies.config.upstream.abortMode === 'deferred' &&
      this.#decode.isOpen &&
      state.decode === 'waiting' &&
      this.#plan.prefill !== undefined
    )
  }

  abortBoth(): void {
    this.abortPrefill()
    this.abortDecode()
  }

  abortPrefill(): void {
    if (this.#plan.prefill !== undefined) this.#send(this.#plan.prefill, this.#prefill.body.status)
  }

  abortDecode(): void {
    this.#send(this.#plan.decode, this.#decode.body.status, () => {
      // The client waits for what decode says of the abort, and decode says nothing.
      if (this.#decode.isAbortRequested) this.#decode.fail(abortedFailure())
    })
  }

  /**
   * vLLM has no aborts by rid (0.32.0), and SGLang's server in Rust does not take over the rid of `/v1/completions`
   * (0.5.23), so no abort reaches the request: a client that asks for one gets it by the end of the connection. The same
   * goes for an API that takes no rid at all.
   */
  endUnknownRid(): void {
    const { path, decode, takesRid } = this.#plan
    const isIgnored = decode.frontend === 'rust' && path.startsWith('/v1/completions')
    if (isIgnored || decode.isVllm || !takesRid) this.#decode.fail(abortedFailure())
  }

  /** Aborts decode at its first item, or after the delay, and calls `close`. */
  abortDecodeLater(close: () => void): void {
    const end = (): void => {
      clearTimeout(timer)
      this.abortDecode()
      close()
    }
    const timer = setTimeout(end, this.#dependencies.config.upstream.abortDeferMs)
    this.#decode.onFirstItem = end
  }

  /** `status`: 0 while the leg has not responded. */
  #send({ url, apiKey, isVllm }: Engine, status: number, onRefused?: () => void): void {
    const { rid, headers, takesRid } = this.#plan
    if (!takesRid || isVllm) return
    const maybeUnread = status === 0 && performance.now() - this.#startedMs < MAYBE_UNREAD_MS
    this.#dependencies.aborts.send({ url, apiKey, rid, headers, maybeUnread, onRefused })
  }
}
