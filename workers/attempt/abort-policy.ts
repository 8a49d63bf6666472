/**
 * Decides which engines of an attempt that ends early get an abort, and when. It sends the aborts; `attempt.ts` closes
 * the legs.
 *
 * Two aborts are put off for up to `upstream.abortDeferMs`: decode's before its first item (`abortMode: deferred`), and
 * prefill's after decode has failed a batch.
 */
import type { Config } from '../../src/config/config.ts'
import type { Engine } from '../../src/core/engine.ts'
import type { Failure } from '../classify/failure.ts'
import { abortedFailure } from '../classify/request-failure.ts'
import type { DecodeLeg } from './decode-leg.ts'
import type { EngineAborts } from './engine-abort.ts'
import type { LegRequest } from './leg-request.ts'
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

  /**
   * When one prompt of a batch fails, decode responds for all of them and forgets the rids of the others, which keep
   * waiting for their KV cache. Only prefill can free them, so it may finish.
   */
  keepsPrefillRunning({ error }: Failure): boolean {
    const { status } = this.#decode.body
    return error.leg === 'decode' && this.#plan.rids.length > 1 && (status === 200 || status === 500)
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
    this.#send(this.#plan.decode, this.#decode.body.status)
  }

  /**
   * SGLang's server in Rust does not take over the rid of `/v1/completions` (0.5.23), so no abort reaches the request: a
   * client that asks for one gets it by the end of the connection.
   */
  endUnknownRid(): void {
    const { path, decode } = this.#plan
    if (decode.frontend === 'rust' && path.startsWith('/v1/completions')) this.#decode.fail(abortedFailure())
  }

  /**
   * Lets prefill's response complete for the length of the delay, then ends its request. Its capacity is free at once,
   * as after any other failure.
   */
  endPrefillLater(request: LegRequest): void {
    request.release()
    setTimeout(() => {
      if (!request.isDone) this.abortPrefill()
      request.end()
    }, this.#dependencies.config.upstream.abortDeferMs)
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
  #send({ url, frontend }: Engine, status: number): void {
    const { rids, headers } = this.#plan
    const maybeUnread = status === 0 && performance.now() - this.#startedMs < MAYBE_UNREAD_MS
    this.#dependencies.aborts.send({ url, rids, headers, maybeUnread, frontend })
  }
}
