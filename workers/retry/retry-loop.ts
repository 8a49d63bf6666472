/**
 * A request that reaches the engines: attempt after attempt, each on a pair of its own, until one is good or there is
 * no hope. Tells its sink the end result only.
 */

import type { GenerationEndpoint } from '../../src/core/endpoint.ts'
import type { FlatHeaders } from '../../src/messages/types.ts'
import { decideRetry } from '../../src/resilience/retry.ts'
import { Attempt } from '../attempt/attempt.ts'
import type { AttemptHandler, AttemptPlan, PromptHandler, ResponseHead } from '../attempt/plan.ts'
import { abortedFailure, type Failure, noEngineFailure } from '../classify/failure.ts'
import { injectBootstrap } from '../connectors/bootstrap.ts'
import { injectMixed } from '../connectors/mixed.ts'
import { buildBody } from '../request/engine-body.ts'
import type { RequestFields } from '../request/fields.ts'
import type { RequestTimeouts } from '../request/timeouts.ts'
import type { Waiter } from '../selection/capacity-queue.ts'
import { AttemptFeedback } from '../selection/feedback.ts'
import type { ChosenPair, Pair } from '../selection/pair-selector.ts'
import { findTooLong, unknownModel } from '../selection/preflight.ts'
import { NoEngineWait } from './no-engine-wait.ts'
import { RetryDelay } from './retry-delay.ts'
import type { RouterContext } from './router-context.ts'

export interface EngineRequest {
  readonly endpoint: GenerationEndpoint
  readonly path: string
  readonly headers: FlatHeaders
  /** The client's bytes. */
  readonly body: Uint8Array
  readonly fields: RequestFields
  /** Every `n` of the body becomes 1: the request is one of several samples. */
  readonly singleSample: boolean
  readonly timeouts: RequestTimeouts
  /** On the context's clock. */
  readonly deadlineMs: number
  /** Of the exchange. */
  readonly id: number
  /** For the log: names the exchange. */
  readonly label: string
}

/** Most requests fail on no engine, and wait for nothing: what that needs is made when it is needed. */
const NONE: ReadonlySet<number> = new Set()
/** Mean pause after a shortage of descriptors, ports or buffers. */
const SHORTAGE_WAIT_MS = 50

export class RetryLoop implements AttemptHandler, PromptHandler, Waiter {
  readonly #request: EngineRequest
  readonly #sink: AttemptHandler
  readonly #context: RouterContext
  /** Slots of engines that have failed this request. */
  #avoid = NONE
  #wait: RetryDelay | undefined
  #engineWait: NoEngineWait | undefined
  #attempt: Attempt | undefined
  #pair: Pair | undefined
  #feedback: AttemptFeedback | undefined
  #retries = 0
  #hadFreeAttempt = false
  #freshConnection = false
  #isAbortRequested = false
  /** Where it waits when the engines are full. */
  #queueKey: string | undefined

  constructor(request: EngineRequest, sink: AttemptHandler, context: RouterContext) {
    this.#request = request
    this.#sink = sink
    this.#context = context
  }

  /** The sink may hear of the end before this returns. */
  start(): void {
    this.#context.budgetQueue.countRequest()
    this.#tryNext()
  }

  /** The sink hears nothing more. */
  abort(): void {
    this.#wait?.end()
    this.#leaveQueue()
    this.#attempt?.abort()
    this.#feedback?.abandoned()
  }

  /** The client asked to abort by rid: engines are told, and what they answer is the answer. */
  requestAbort(): void {
    this.#isAbortRequested = true
    if (this.#wait?.isWaiting !== true && this.#queueKey === undefined) return this.#attempt?.requestAbort()
    this.#wait?.end()
    this.#leaveQueue()
    this.#giveUp(abortedFailure(), 'aborted')
  }

  pause(): void {
    this.#attempt?.pause()
  }

  resume(): void {
    this.#attempt?.resume()
  }

  onResponse(head: ResponseHead, body: Uint8Array): void {
    this.#feedback?.succeeded()
    this.#end()
    this.#sink.onResponse(head, body)
  }

  onHead(head: ResponseHead): void {
    this.#feedback?.succeeded()
    this.#sink.onHead(head)
  }

  onData(bytes: Uint8Array): void {
    this.#sink.onData(bytes)
  }

  onEnd(): void {
    this.#end()
    this.#sink.onEnd()
  }

  onStreamError(failure: Failure): void {
    this.#charge(failure)
    this.#end()
    this.#context.metrics.attemptFailed(failure, this.#pair)
    this.#log('stream broken', failure)
    this.#sink.onStreamError(failure)
  }

  onPromptError(failure: Failure): void {
    this.#charge(failure)
    this.#context.metrics.attemptFailed(failure, this.#pair)
    this.#log('prompt of a batch broken', failure)
  }

  onError(failure: Failure): void {
    this.#attempt = undefined
    this.#context.metrics.attemptFailed(failure, this.#pair)
    this.#avoidGuilty(failure)
    this.#charge(failure)
    if (failure.cause === 'local' && !this.#isAbortRequested) return this.#comeAgain(failure)
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
    this.#freshConnection = decision.isFree
    this.#context.metrics.retried(failure)
    this.#log('retry', failure, { retry: this.#retries, delayMs: Math.round(decision.delayMs) })
    this.#tryAfter(decision.delayMs, !decision.isFree)
  }

  /** Our own machine is short of something for a moment: that is no retry, and only the deadline ends it. */
  #comeAgain(failure: Failure): void {
    this.#context.log.debug({ request: this.#request.label, error: failure.error.message }, 'shortage')
    this.#tryAfter(SHORTAGE_WAIT_MS * (0.5 + this.#context.random()), false)
  }

  /** Engines that are full are no failure: the attempt waits for its turn, and only the deadline ends that. */
  #tryNext(): void {
    const { capacityQueue, pairSelector } = this.#context
    const retrySuffix = this.#avoid.size > 0 ? ' again' : ''
    // A repeated attempt may ask for other engines than the first of others: neither holds up the other.
    const queueKey = `${pairSelector.queueKeyOf(this.#request.fields.model)}${retrySuffix}`
    if (!capacityQueue.hasWaiting(queueKey) && this.tryStart()) return
    this.#queueKey = queueKey
    capacityQueue.wait(queueKey, this)
  }

  /** For `Capacity`, which calls it until there is room. */
  tryStart(): boolean {
    const { capacityQueue, pairSelector } = this.#context
    const { fields } = this.#request
    const weight = fields.batchSize ?? 1
    const choice = pairSelector.choose(fields.model, this.#avoid, engine =>
      capacityQueue.hasRoom(engine, weight),
    )
    if (choice.kind === 'full') return false
    const hasGone = choice.kind !== 'pair' || this.#startOn(choice, weight)
    if (!hasGone) return false
    this.#queueKey = undefined
    if (choice.kind === 'unknown-model') this.#giveUp(unknownModel(fields.model), 'not-retryable')
    if (choice.kind === 'none') this.#waitForEngine(choice.missing)
    return true
  }

  #startOn({ pair, probes }: ChosenPair, weight: number): boolean {
    const feedback = new AttemptFeedback(pair, probes, this.#context)
    const tooLong = findTooLong(this.#request.fields, pair)
    const leases = tooLong === undefined ? this.#context.capacityQueue.tryTake(pair, weight) : undefined
    if (leases === undefined) {
      feedback.abandoned()
      if (tooLong !== undefined) this.#giveUp(tooLong, 'not-retryable')
      return tooLong !== undefined
    }
    this.#feedback = feedback
    this.#pair = pair
    this.#attempt = new Attempt({ ...this.#plan(pair), leases }, this, this.#context)
    this.#context.metrics.attemptStarted(pair)
    this.#attempt.start()
    return true
  }

  #leaveQueue(): void {
    if (this.#queueKey !== undefined) this.#context.capacityQueue.leave(this.#queueKey, this)
    this.#queueKey = undefined
  }

  /** Nothing was sent, so this is no retry: it costs no budget, and has a time of its own. */
  #waitForEngine(missing: string): void {
    const { config, nowMs, random } = this.#context
    this.#pair = undefined
    this.#engineWait ??= new NoEngineWait(config.timeouts.engineWaitMs)
    const delayMs = this.#engineWait.nextMs(nowMs(), this.#request.deadlineMs, random)
    if (delayMs === undefined || this.#isAbortRequested) {
      const failure = noEngineFailure(missing)
      this.#context.metrics.attemptFailed(failure, undefined)
      return this.#giveUp(failure, 'no-engine')
    }
    this.#tryAfter(delayMs, false)
  }

  /** `costs`: of the retry budget. */
  #tryAfter(delayMs: number, costs: boolean): void {
    this.#wait ??= new RetryDelay(this.#context.budgetQueue)
    this.#wait.start(delayMs, costs, () => this.#tryNext())
  }

  #charge(failure: Failure): void {
    // What our own abort made of the engines' answer is no fault of theirs.
    if (this.#isAbortRequested) this.#feedback?.abandoned()
    else this.#feedback?.failed(failure)
    this.#feedback = undefined
  }

  #plan(pair: Pair): Omit<AttemptPlan, 'leases'> {
    const { id, endpoint, path, headers, timeouts, body, fields, singleSample } = this.#request
    const injected = pair.prefill
      ? injectBootstrap(pair.prefill, fields.batchSize, this.#context.random)
      : injectMixed(fields.batchSize)
    return {
      path,
      isStream: fields.isStream,
      mergesPrefill: fields.prefillLogprobs !== undefined && pair.prefill !== undefined,
      isBatch: endpoint === 'generate' && fields.batchSize !== undefined && !singleSample,
      prefill: pair.prefill,
      decode: pair.decode,
      exchangeId: id,
      rids: typeof injected.rid === 'string' ? [injected.rid] : injected.rid,
      headers,
      timeouts,
      body: buildBody(body, fields, injected, { singleSample }),
      freshConnection: this.#freshConnection,
    }
  }

  #avoidGuilty(failure: Failure): void {
    if (failure.blame === 'none' || this.#pair === undefined) return
    const { prefill, decode } = this.#pair
    const isBoth = failure.blame === 'link'
    const guilty = new Set(this.#avoid)
    if (prefill && (isBoth || failure.error.leg === 'prefill')) guilty.add(prefill.slot)
    if (isBoth || failure.error.leg === 'decode') guilty.add(decode.slot)
    this.#avoid = guilty
  }

  #giveUp(failure: Failure, because: string): void {
    this.#end()
    if (failure.error.fault !== 'client' && failure.error.status >= 500)
      this.#log('failed', failure, { because })
    this.#sink.onError(failure)
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
