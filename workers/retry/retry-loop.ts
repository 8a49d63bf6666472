/**
 * A request that reaches the engines: attempt after attempt, each on a pair of its own, until one is good or there is
 * no hope. Tells its sink the end result only.
 */

import type { GenerationEndpoint } from '../../src/core/endpoint.ts'
import type { FlatHeaders } from '../../src/messages/types.ts'
import { decideRetry } from '../../src/resilience/retry.ts'
import { Attempt } from '../attempt/attempt.ts'
import type { AnswerHead, AttemptPlan, AttemptSink, PromptSink } from '../attempt/plan.ts'
import { abortedFailure, type Failure, noEngineFailure } from '../classify/failure.ts'
import { injectBootstrap } from '../connectors/bootstrap.ts'
import { injectSingle } from '../connectors/mixed.ts'
import { buildBody } from '../request/engine-body.ts'
import type { RequestFields } from '../request/fields.ts'
import type { RequestTimers } from '../request/timeouts.ts'
import type { Waiter } from '../selection/capacity-queue.ts'
import { LegVerdicts } from '../selection/feedback.ts'
import type { ChosenPair, Pair } from '../selection/pair-selector.ts'
import { findTooLong, unknownModel } from '../selection/preflight.ts'
import { EngineWait } from './no-engine-wait.ts'
import { RetryWait } from './retry-delay.ts'
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
  readonly timers: RequestTimers
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

export class AttemptLoop implements AttemptSink, PromptSink, Waiter {
  readonly #request: EngineRequest
  readonly #sink: AttemptSink
  readonly #context: RouterContext
  /** Slots of engines that have failed this request. */
  #avoid = NONE
  #wait: RetryWait | undefined
  #engineWait: EngineWait | undefined
  #attempt: Attempt | undefined
  #pair: Pair | undefined
  #verdicts: LegVerdicts | undefined
  #retries = 0
  #hadFreeAttempt = false
  #isFresh = false
  #isAbortRequested = false
  /** Where it waits when the engines are full. */
  #line: string | undefined

  constructor(request: EngineRequest, sink: AttemptSink, context: RouterContext) {
    this.#request = request
    this.#sink = sink
    this.#context = context
  }

  /** The sink may hear of the end before this returns. */
  start(): void {
    this.#context.retryGate.countRequest()
    this.#tryNext()
  }

  /** The sink hears nothing more. */
  abort(): void {
    this.#wait?.end()
    this.#leaveLine()
    this.#attempt?.abort()
    this.#verdicts?.abandoned()
  }

  /** The client asked to abort by rid: engines are told, and what they answer is the answer. */
  requestAbort(): void {
    this.#isAbortRequested = true
    if (this.#wait?.isWaiting !== true && this.#line === undefined) return this.#attempt?.requestAbort()
    this.#wait?.end()
    this.#leaveLine()
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

  promptFailed(failure: Failure): void {
    this.#charge(failure)
    this.#context.observer.attemptFailed(failure, this.#pair)
    this.#log('prompt of a batch broken', failure)
  }

  failed(failure: Failure): void {
    this.#attempt = undefined
    this.#context.observer.attemptFailed(failure, this.#pair)
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
    this.#isFresh = decision.isFree
    this.#context.observer.retried(failure)
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
    const { capacity, fleet } = this.#context
    const isAgain = this.#avoid.size > 0 ? ' again' : ''
    // A repeated attempt may ask for other engines than the first of others: neither holds up the other.
    const line = `${fleet.keyOf(this.#request.fields.model)}${isAgain}`
    if (!capacity.hasWaiting(line) && this.tryStart()) return
    this.#line = line
    capacity.wait(line, this)
  }

  /** For `Capacity`, which calls it until there is room. */
  tryStart(): boolean {
    const { capacity, fleet } = this.#context
    const { fields } = this.#request
    const weight = fields.batchSize ?? 1
    const choice = fleet.choose(fields.model, this.#avoid, engine => capacity.hasRoom(engine, weight))
    if (choice.kind === 'full') return false
    const hasGone = choice.kind !== 'pair' || this.#startOn(choice, weight)
    if (!hasGone) return false
    this.#line = undefined
    if (choice.kind === 'unknown-model') this.#giveUp(unknownModel(fields.model), 'not-retryable')
    if (choice.kind === 'none') this.#waitForEngine(choice.missing)
    return true
  }

  #startOn({ pair, probes }: ChosenPair, weight: number): boolean {
    const verdicts = new LegVerdicts(pair, probes, this.#context)
    const tooLong = findTooLong(this.#request.fields, pair)
    const leases = tooLong === undefined ? this.#context.capacity.tryTake(pair, weight) : undefined
    if (leases === undefined) {
      verdicts.abandoned()
      if (tooLong !== undefined) this.#giveUp(tooLong, 'not-retryable')
      return tooLong !== undefined
    }
    this.#verdicts = verdicts
    this.#pair = pair
    this.#attempt = new Attempt({ ...this.#plan(pair), leases }, this, this.#context)
    this.#context.observer.attemptStarted(pair)
    this.#attempt.start()
    return true
  }

  #leaveLine(): void {
    if (this.#line !== undefined) this.#context.capacity.leave(this.#line, this)
    this.#line = undefined
  }

  /** Nothing was sent, so this is no retry: it costs no budget, and has a time of its own. */
  #waitForEngine(missing: string): void {
    const { config, nowMs, random } = this.#context
    this.#pair = undefined
    this.#engineWait ??= new EngineWait(config.timeouts.engineWaitMs)
    const delayMs = this.#engineWait.nextMs(nowMs(), this.#request.deadlineMs, random)
    if (delayMs === undefined || this.#isAbortRequested) {
      const failure = noEngineFailure(missing)
      this.#context.observer.attemptFailed(failure, undefined)
      return this.#giveUp(failure, 'no-engine')
    }
    this.#tryAfter(delayMs, false)
  }

  /** `costs`: of the retry budget. */
  #tryAfter(delayMs: number, costs: boolean): void {
    this.#wait ??= new RetryWait(this.#context.retryGate)
    this.#wait.start(delayMs, costs, () => this.#tryNext())
  }

  #charge(failure: Failure): void {
    // What our own abort made of the engines' answer is no fault of theirs.
    if (this.#isAbortRequested) this.#verdicts?.abandoned()
    else this.#verdicts?.failed(failure)
    this.#verdicts = undefined
  }

  #plan(pair: Pair): Omit<AttemptPlan, 'leases'> {
    const { id, endpoint, path, headers, timers, body, fields, singleSample } = this.#request
    const injected = pair.prefill
      ? injectBootstrap(pair.prefill, fields.batchSize, this.#context.random)
      : injectSingle(fields.batchSize)
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
      timers,
      body: buildBody(body, fields, injected, { singleSample }),
      isFresh: this.#isFresh,
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
