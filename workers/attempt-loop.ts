/**
 * A request that reaches the engines: attempt after attempt, each on a pair of its own, until one is good or there is
 * no hope. Tells its sink the end result only.
 */

import type { GenerationEndpoint } from '../src/core/endpoint.ts'
import { GatewayError } from '../src/core/errors.ts'
import type { FlatHeaders } from '../src/messages/types.ts'
import { decideRetry } from '../src/resilience/retry.ts'
import { Attempt } from './attempt.ts'
import type { AnswerHead, AttemptPlan, AttemptSink } from './attempt-plan.ts'
import { injectBootstrap } from './connectors/bootstrap.ts'
import { injectSingle } from './connectors/single.ts'
import { type Failure, noEngineFailure } from './failure.ts'
import type { Pair } from './fleet.ts'
import type { RequestFields } from './request-fields.ts'
import type { RequestTimers } from './request-timers.ts'
import type { RouterContext } from './router-context.ts'
import { buildBody } from './upstream/body.ts'

export interface EngineRequest {
  readonly endpoint: GenerationEndpoint
  readonly path: string
  readonly headers: FlatHeaders
  /** The client's bytes. */
  readonly body: Uint8Array
  readonly fields: RequestFields
  /** Every `n` of the body becomes 1: the request is one of several samples. */
  readonly singleSample: boolean
  readonly timers: RequestTimers
  /** On the context's clock. */
  readonly deadlineMs: number
  /** For the log: names the exchange. */
  readonly label: string
}

export class AttemptLoop implements AttemptSink {
  readonly #request: EngineRequest
  readonly #sink: AttemptSink
  readonly #context: RouterContext
  readonly #avoid = new Set<number>()
  #attempt: Attempt | undefined
  #pair: Pair | undefined
  #retries = 0
  #hadFreeAttempt = false
  #isFresh = false
  #isAbortRequested = false
  #timer: NodeJS.Timeout | undefined

  constructor(request: EngineRequest, sink: AttemptSink, context: RouterContext) {
    this.#request = request
    this.#sink = sink
    this.#context = context
  }

  /** The sink may hear of the end before this returns. */
  start(): void {
    this.#tryNext()
  }

  /** The sink hears nothing more. */
  abort(): void {
    clearTimeout(this.#timer)
    this.#attempt?.abort()
  }

  /** The client asked to abort by rid: engines are told, and what they answer is the answer. */
  requestAbort(): void {
    this.#isAbortRequested = true
    this.#attempt?.requestAbort()
  }

  pause(): void {
    this.#attempt?.pause()
  }

  resume(): void {
    this.#attempt?.resume()
  }

  answered(head: AnswerHead, body: Uint8Array): void {
    this.#end()
    this.#sink.answered(head, body)
  }

  started(head: AnswerHead): void {
    this.#sink.started(head)
  }

  bytes(bytes: Uint8Array): void {
    this.#sink.bytes(bytes)
  }

  ended(): void {
    this.#end()
    this.#sink.ended()
  }

  broke(failure: Failure): void {
    this.#end()
    this.#context.observer.attemptFailed(failure, this.#pair)
    this.#log('stream broken', failure)
    this.#sink.broke(failure)
  }

  failed(failure: Failure): void {
    this.#attempt = undefined
    this.#context.observer.attemptFailed(failure, this.#pair)
    this.#avoidGuilty(failure)
    const { config, random, nowMs } = this.#context
    const decision = decideRetry(
      {
        retries: this.#retries,
        isRetryable: failure.error.retryable && !this.#isAbortRequested,
        wasStale: failure.cause === 'stale-socket',
        hadFreeAttempt: this.#hadFreeAttempt,
        retryAfterMs: failure.error.retryAfterMs,
        remainingMs: this.#request.deadlineMs - nowMs(),
      },
      config.retry,
      random,
    )
    if (!decision.retry) return this.#giveUp(failure, decision.because)
    if (decision.isFree) this.#hadFreeAttempt = true
    else this.#retries++
    this.#isFresh = decision.isFree
    this.#context.observer.retried(failure)
    this.#log('retry', failure, { retry: this.#retries, delayMs: Math.round(decision.delayMs) })
    this.#timer = setTimeout(() => this.#tryNext(), decision.delayMs)
  }

  #tryNext(): void {
    const { fleet } = this.#context
    const choice = fleet.choose(this.#request.fields.model, this.#avoid)
    if (choice.kind === 'unknown-model')
      return this.#giveUp(unknownModel(this.#request.fields.model), 'not-retryable')
    if (choice.kind === 'none') {
      this.#pair = undefined
      return this.failed(noEngineFailure(choice.missing))
    }
    const tooLong = findTooLong(this.#request.fields, choice.pair)
    if (tooLong !== undefined) return this.#giveUp(tooLong, 'not-retryable')
    this.#pair = choice.pair
    this.#attempt = new Attempt(this.#plan(choice.pair), this, this.#context)
    this.#context.observer.attemptStarted(choice.pair)
    this.#attempt.start()
  }

  #plan(pair: Pair): AttemptPlan {
    const { path, headers, timers, body, fields, singleSample } = this.#request
    const injected = pair.prefill
      ? injectBootstrap(pair.prefill, fields.batchSize, this.#context.random)
      : injectSingle(fields.batchSize)
    return {
      path,
      isStream: fields.isStream,
      mergesPrefill: fields.prefillLogprobs !== undefined && pair.prefill !== undefined,
      prefill: pair.prefill,
      decode: pair.decode,
      rids: typeof injected.rid === 'string' ? [injected.rid] : injected.rid,
      headers,
      timers,
      body: buildBody(body, fields, injected, { singleSample }),
      isFresh: this.#isFresh,
    }
  }

  #avoidGuilty(failure: Failure): void {
    if (failure.blame === 'none' || this.#pair === undefined) return
    const { prefill, decode } = this.#pair
    const isBoth = failure.blame === 'link'
    if (prefill && (isBoth || failure.error.leg === 'prefill')) this.#avoid.add(prefill.slot)
    if (isBoth || failure.error.leg === 'decode') this.#avoid.add(decode.slot)
  }

  #giveUp(failure: Failure, because: string): void {
    this.#end()
    if (failure.error.fault !== 'client' && failure.error.status >= 500)
      this.#log('failed', failure, { because })
    this.#sink.failed(failure)
  }

  #end(): void {
    this.#attempt = undefined
  }

  #log(message: string, failure: Failure, more: object = {}): void {
    const { label, endpoint } = this.#request
    const fields = {
      request: label,
      endpoint,
      cause: failure.cause,
      leg: failure.error.leg,
      status: failure.error.status,
      prefill: this.#pair?.prefill?.url,
      decode: this.#pair?.decode.url,
      ...more,
      error: failure.error.message.slice(0, 300),
    }
    // Without any engine every request would write a line for each of its retries: the one at its end says it all.
    if (failure.cause === 'no-engine' && message === 'retry') this.#context.log.debug(fields, message)
    else this.#context.log.warn(fields, message)
  }
}

function unknownModel(model: string | undefined): Failure {
  const error = new GatewayError('model-not-found', `No engine serves the model ${JSON.stringify(model)}.`)
  return { cause: 'status', blame: 'none', error }
}

/** An engine that finds a prompt too long only in its scheduler answers 200 with made-up text: it must not get there. */
function findTooLong(fields: RequestFields, { prefill, decode }: Pair): Failure | undefined {
  const limit = Math.min(prefill?.maxInputTokens ?? Infinity, decode.maxInputTokens ?? Infinity)
  if (limit === Infinity) return undefined
  const { promptTokens } = fields
  if (promptTokens === undefined || promptTokens <= limit) return undefined
  const message = `The input (${promptTokens} tokens) is longer than the engines' limit of ${limit} tokens.`
  return { cause: 'status', blame: 'none', error: new GatewayError('invalid-request', message) }
}
