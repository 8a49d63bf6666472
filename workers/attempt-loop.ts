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
import { EngineWait } from './engine-wait.ts'
import { abortedFailure, type Failure, noEngineFailure } from './failure.ts'
import type { Pair } from './fleet.ts'
import { LegVerdicts } from './leg-verdicts.ts'
import type { RequestFields } from './request-fields.ts'
import type { RequestTimers } from './request-timers.ts'
import { RetryWait } from './retry-wait.ts'
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
  readonly #wait: RetryWait
  readonly #engineWait: EngineWait
  #attempt: Attempt | undefined
  #pair: Pair | undefined
  #verdicts: LegVerdicts | undefined
  #retries = 0
  #hadFreeAttempt = false
  #isFresh = false
  #isAbortRequested = false

  constructor(request: EngineRequest, sink: AttemptSink, context: RouterContext) {
    this.#request = request
    this.#sink = sink
    this.#context = context
    this.#wait = new RetryWait(context.retryGate)
    this.#engineWait = new EngineWait(context.config.timeouts.engineWaitMs)
  }

  /** The sink may hear of the end before this returns. */
  start(): void {
    this.#context.retryGate.countRequest()
    this.#tryNext()
  }

  /** The sink hears nothing more. */
  abort(): void {
    this.#wait.end()
    this.#attempt?.abort()
    this.#verdicts?.abandoned()
  }

  /** The client asked to abort by rid: engines are told, and what they answer is the answer. */
  requestAbort(): void {
    this.#isAbortRequested = true
    if (!this.#wait.isWaiting) return this.#attempt?.requestAbort()
    this.#wait.end()
    this.#giveUp(abortedFailure(), 'aborted')
  }

  pause(): void {
    this.#attempt?.pause()
  }

  resume(): void {
    this.#attempt?.resume()
  }

  answered(head: AnswerHead, body: Uint8Array): void {
    this.#verdicts?.good()
    this.#end()
    this.#sink.answered(head, body)
  }

  started(head: AnswerHead): void {
    this.#verdicts?.good()
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
    this.#charge(failure)
    this.#end()
    this.#context.observer.attemptFailed(failure, this.#pair)
    this.#log('stream broken', failure)
    this.#sink.broke(failure)
  }

  failed(failure: Failure): void {
    this.#attempt = undefined
    this.#context.observer.attemptFailed(failure, this.#pair)
    this.#avoidGuilty(failure)
    this.#charge(failure)
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
    this.#wait.start(decision.delayMs, !decision.isFree, () => this.#tryNext())
  }

  #tryNext(): void {
    const { fleet } = this.#context
    const choice = fleet.choose(this.#request.fields.model, this.#avoid)
    if (choice.kind === 'unknown-model')
      return this.#giveUp(unknownModel(this.#request.fields.model), 'not-retryable')
    if (choice.kind === 'none') {
      this.#pair = undefined
      return this.#waitForEngine(choice.missing)
    }
    this.#verdicts = new LegVerdicts(choice.pair, choice.probes, this.#context)
    const tooLong = findTooLong(this.#request.fields, choice.pair)
    if (tooLong !== undefined) {
      this.#verdicts.abandoned()
      return this.#giveUp(tooLong, 'not-retryable')
    }
    this.#pair = choice.pair
    this.#attempt = new Attempt(this.#plan(choice.pair), this, this.#context)
    this.#context.observer.attemptStarted(choice.pair)
    this.#attempt.start()
  }

  /** Nothing was sent, so this is no retry: it costs no budget, and has a time of its own. */
  #waitForEngine(missing: string): void {
    const { nowMs, random } = this.#context
    const delayMs = this.#engineWait.nextMs(nowMs(), this.#request.deadlineMs, random)
    if (delayMs === undefined || this.#isAbortRequested) {
      const failure = noEngineFailure(missing)
      this.#context.observer.attemptFailed(failure, undefined)
      return this.#giveUp(failure, 'no-engine')
    }
    this.#wait.start(delayMs, false, () => this.#tryNext())
  }

  #charge(failure: Failure): void {
    // What our own abort made of the engines' answer is no fault of theirs.
    if (this.#isAbortRequested) this.#verdicts?.abandoned()
    else this.#verdicts?.failed(failure)
    this.#verdicts = undefined
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
    this.#context.log.warn(fields, message)
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
