/**
 * Sends one request to the engines: attempt after attempt, each on a pair of its own, until one succeeds or no further
 * attempt can help. Only the result reaches the handler.
 *
 * It decides and waits. `prepare-attempt.ts` chooses the pair and builds the attempt, `attempt-reporter.ts` reports how
 * it went.
 */
import type { Config } from '../../src/config/config.ts'
import type { Engine, LostEngine } from '../../src/core/engine.ts'
import { decideRetry } from '../../src/resilience/retry-decision.ts'
import type { AttemptEvents, AttemptHandle, AttemptHandler, ResponseHead } from '../attempt/plan.ts'
import { afterRequestedAbort, type Failure } from '../classify/failure.ts'
import { abortedFailure, noEngineFailure } from '../classify/request-failure.ts'
import type { CapacityQueue, Waiter } from '../selection/capacity-queue.ts'
import { AttemptReporter, type ReporterDependencies } from './attempt-reporter.ts'
import type { RetryBudgetQueue } from './budget-queue.ts'
import type { EngineRequest } from './engine-request.ts'
import { NoEngineWait } from './no-engine-wait.ts'
import { type PrepareDependencies, prepareAttempt, type ReadyAttempt } from './prepare-attempt.ts'
import { RetryPause } from './retry-pause.ts'

export interface RetryLoopDependencies extends PrepareDependencies, ReporterDependencies {
  readonly config: Pick<Config, 'retry' | 'timeouts'>
  readonly budgetQueue: Pick<RetryBudgetQueue, 'countRequest' | 'pass'>
  readonly capacityQueue: Pick<CapacityQueue, 'hasRoom' | 'tryTake' | 'hasWaiting' | 'wait' | 'leave'>
}

/** Shared: most requests never fail, so nothing is allocated for them. */
const NO_SLOTS: ReadonlySet<number> = new Set()

export class RetryLoop implements AttemptEvents, Waiter {
  readonly #request: EngineRequest
  readonly #handler: AttemptHandler
  readonly #dependencies: RetryLoopDependencies
  readonly #reporter: AttemptReporter
  #attempt: AttemptHandle | undefined
  /** Slots of the engines that failures of this request were charged to. */
  #avoidedSlots = NO_SLOTS
  #retries = 0
  #hadFreeAttempt = false
  #freshConnection = false
  #isAbortRequested = false
  #hasReportedError = false
  #pause: RetryPause | undefined
  #engineWait: NoEngineWait | undefined
  /** The capacity queue that the next attempt waits in, if any. */
  #queueKey: string | undefined

  constructor(request: EngineRequest, handler: AttemptHandler, dependencies: RetryLoopDependencies) {
    this.#request = request
    this.#handler = handler
    this.#dependencies = dependencies
    this.#reporter = new AttemptReporter(request, dependencies)
  }

  /** May call the handler before it returns. */
  start(): void {
    this.#dependencies.budgetQueue.countRequest()
    this.#tryNext()
  }

  /** The client is gone or the deadline has passed. The handler is not called again. */
  abort(): void {
    this.#stopWaiting()
    this.#attempt?.abort()
    this.#reporter.abandoned()
  }

  /** The client asked to abort by rid: the engines are asked to stop, and what they still send is the response. */
  requestAbort(): void {
    this.#isAbortRequested = true
    if (this.#pause?.isWaiting !== true && this.#queueKey === undefined) return this.#attempt?.requestAbort()
    this.#stopWaiting()
    this.#giveUp(abortedFailure(), 'aborted')
  }

  /** Fails the attempt if it waits for the engine. */
  giveUpOn(lost: LostEngine): void {
    this.#attempt?.giveUpOn(lost)
  }

  pause(): void {
    this.#attempt?.pause()
  }

  resume(): void {
    this.#attempt?.resume()
  }

  onResponse(head: ResponseHead, body: Uint8Array): void {
    this.#reporter.succeeded()
    this.#attempt = undefined
    this.#handler.onResponse(head, body)
  }

  onHead(head: ResponseHead): void {
    this.#reporter.succeeded()
    this.#handler.onHead(head)
  }

  onData(bytes: Uint8Array): void {
    this.#handler.onData(bytes)
  }

  onEnd(): void {
    this.#attempt = undefined
    this.#handler.onEnd()
  }

  onReportedError(reported: Failure): void {
    const failure = this.#toCharge(reported)
    this.#hasReportedError = true
    this.#reporter.failed(failure)
    this.#reporter.streamBroke(failure)
    this.#handler.onReportedError(failure)
  }

  onStreamError(reported: Failure): void {
    const failure = this.#toCharge(reported)
    this.#attempt = undefined
    // How a stream ends that was given up already says no more about its engine.
    if (!this.#hasReportedError) {
      this.#reporter.failed(failure)
      this.#reporter.streamBroke(failure)
    }
    this.#handler.onStreamError(failure)
  }

  onPromptError(reported: Failure): void {
    const failure = this.#toCharge(reported)
    this.#reporter.failed(failure)
    this.#reporter.promptFailed(failure)
  }

  onError(reported: Failure): void {
    const failure = this.#toCharge(reported)
    this.#attempt = undefined
    this.#avoid(this.#reporter.failed(failure))
    const decision = this.#decide(failure)
    switch (decision.kind) {
      case 'give-up':
        return this.#giveUp(failure, decision.because)
      case 'shortage-wait':
        this.#reporter.waitingForResources(failure)
        return this.#tryAfter(decision.delayMs, false)
      case 'free-attempt':
      case 'retry':
        this.#freshConnection = decision.kind === 'free-attempt'
        if (this.#freshConnection) this.#hadFreeAttempt = true
        else this.#retries++
        this.#reporter.retrying(failure, this.#retries, decision.delayMs)
        return this.#tryAfter(decision.delayMs, decision.kind === 'retry')
    }
  }

  /** Called by the capacity queue until it returns true. */
  tryStart(): boolean {
    const needs = { avoidedSlots: this.#avoidedSlots, freshConnection: this.#freshConnection }
    const prepared = prepareAttempt(this.#request, needs, this, this.#dependencies)
    if (prepared.kind === 'full') return false
    this.#queueKey = undefined
    if (prepared.kind === 'ready') this.#startAttempt(prepared)
    else if (prepared.kind === 'no-engine') this.#waitForEngine(prepared.missing)
    else this.#giveUp(prepared.failure, 'not-retryable')
    return true
  }

  #startAttempt({ attempt, pair, feedback }: ReadyAttempt): void {
    this.#attempt = attempt
    this.#reporter.started(pair, feedback)
    attempt.start()
  }

  #toCharge(failure: Failure): Failure {
    return this.#isAbortRequested ? afterRequestedAbort(failure) : failure
  }

  #avoid(engines: readonly Engine[]): void {
    if (engines.length === 0) return
    this.#avoidedSlots = new Set([...this.#avoidedSlots, ...engines.map(({ slot }) => slot)])
  }

  #decide(failure: Failure): ReturnType<typeof decideRetry> {
    const { config, random, nowMs } = this.#dependencies
    const failed = {
      advice: failure.retry,
      retries: this.#retries,
      hadFreeAttempt: this.#hadFreeAttempt,
      remainingMs: this.#request.deadlineMs - nowMs(),
    }
    return decideRetry(failed, config.retry, random)
  }

  /** Engines that are full are no failure: the attempt waits for its turn, and only the deadline ends the wait. */
  #tryNext(): void {
    const { capacityQueue, pairSelector } = this.#dependencies
    const modelKey = pairSelector.queueKeyOf(this.#request.fields.model)
    // An attempt that avoids engines may start where the first attempts of other requests cannot, and the reverse, so
    // the two queue apart and neither holds up the other.
    const queueKey = this.#avoidedSlots.size === 0 ? modelKey : `${modelKey} avoiding`
    if (!capacityQueue.hasWaiting(queueKey) && this.tryStart()) return
    this.#queueKey = queueKey
    capacityQueue.wait(queueKey, this)
  }

  /** Nothing was sent, so this is no retry: it costs no budget and has a time limit of its own. */
  #waitForEngine(missing: string): void {
    const { config, nowMs, random } = this.#dependencies
    this.#reporter.unassigned()
    this.#engineWait ??= new NoEngineWait(config.timeouts.engineWaitMs)
    const delayMs = this.#engineWait.nextMs(nowMs(), this.#request.deadlineMs, random)
    if (delayMs !== undefined && !this.#isAbortRequested) return this.#tryAfter(delayMs, false)
    const failure = noEngineFailure(missing)
    this.#reporter.failed(failure)
    this.#giveUp(failure, 'no-engine')
  }

  #tryAfter(delayMs: number, costsBudget: boolean): void {
    this.#pause ??= new RetryPause(this.#dependencies.budgetQueue)
    this.#pause.start(delayMs, costsBudget, () => this.#tryNext())
  }

  #stopWaiting(): void {
    this.#pause?.end()
    if (this.#queueKey !== undefined) this.#dependencies.capacityQueue.leave(this.#queueKey, this)
    this.#queueKey = undefined
  }

  #giveUp(failure: Failure, because: string): void {
    this.#attempt = undefined
    this.#reporter.gaveUp(failure, because)
    this.#handler.onError(failure)
  }
}
