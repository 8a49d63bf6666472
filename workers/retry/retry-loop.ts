/**
 * Sends one request to the engines: attempt after attempt, each on a pair of its own, until one succeeds or no further
 * attempt can help. Only the result reaches the handler.
 *
 * It decides and waits; `prepare-attempt.ts` builds the attempts, and `attempt-reporter.ts` reports them.
 */
import type { Config } from '../../src/config/config.ts'
import type { LostEngine } from '../../src/core/engine.ts'
import type { AttemptEvents, AttemptHandle, AttemptHandler, ResponseHead } from '../attempt/plan.ts'
import { afterRequestedAbort, type Failure } from '../classify/failure.ts'
import { abortedFailure, noEngineFailure } from '../classify/request-failure.ts'
import type { CachedPrompt } from '../dialects/response-summary.ts'
import type { CapacityQueue } from '../selection/capacity-queue.ts'
import type { Pair, PairSelector } from '../selection/pair-selector.ts'
import { AttemptReporter, type ReporterDependencies } from './attempt-reporter.ts'
import type { BudgetWaiter, RetryBudgetQueue } from './budget-queue.ts'
import type { EngineRequest } from './engine-request.ts'
import { FailureHistory, type HistoryDependencies } from './failure-history.ts'
import type { LossGate } from './loss-gate.ts'
import { NoEngineWait } from './no-engine-wait.ts'
import { attemptIn, FIRST_ATTEMPT, findRoom, type PrepareDependencies, type Room } from './prepare-attempt.ts'
import { RetryPause } from './retry-pause.ts'
import { lineOf, RoomWait, type RoomWaitDependencies } from './room-wait.ts'

export interface RetryLoopDependencies
  extends PrepareDependencies,
    ReporterDependencies,
    HistoryDependencies {
  readonly config: Pick<Config, 'retry' | 'timeouts'>
  readonly pairSelector: RoomWaitDependencies['pairSelector'] & Pick<PairSelector, 'isSound'>
  readonly promptWork: PrepareDependencies['promptWork'] & ReporterDependencies['promptWork']
  readonly breakers: PrepareDependencies['breakers'] & HistoryDependencies['breakers']
  readonly budgetQueue: Pick<RetryBudgetQueue, 'countRequest' | 'take' | 'wait' | 'leave'>
  readonly capacityQueue: RoomWaitDependencies['capacityQueue'] &
    Pick<CapacityQueue, 'hasWaiting' | 'noteStart'>
  /** Shared by the parts of one request. */
  readonly gate?: LossGate<RetryLoop>
}

export class RetryLoop implements AttemptEvents, BudgetWaiter {
  readonly #request: EngineRequest
  readonly #handler: AttemptHandler
  readonly #dependencies: RetryLoopDependencies
  readonly #reporter: AttemptReporter
  /** `undefined` until an attempt has failed: most requests never fail, so nothing is allocated for them. */
  #history: FailureHistory | undefined
  #attempt: AttemptHandle | undefined
  #pair: Pair | undefined
  #isAbortRequested = false
  #hasReportedError = false
  /** `undefined` until the request has waited for an attempt. */
  #pause: RetryPause<RetryLoop> | undefined
  #isWaitingForBudget = false
  #engineWait: NoEngineWait | undefined
  #roomWait: RoomWait | undefined

  constructor(request: EngineRequest, handler: AttemptHandler, dependencies: RetryLoopDependencies) {
    this.#request = request
    this.#handler = handler
    this.#dependencies = dependencies
    this.#reporter = new AttemptReporter(request, dependencies)
  }

  /** May call the handler before it returns. */
  start(): void {
    if (this.#isAbortRequested) return this.#giveUp(abortedFailure(), 'aborted')
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
    const isPaused = this.#pause?.isRunning === true || this.#isWaitingForBudget
    if (!isPaused && this.#roomWait?.isWaiting !== true) return this.#attempt?.requestAbort()
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

  onPromptComputed(cached: CachedPrompt | undefined): void {
    this.#reporter.promptComputed(cached)
  }

  onReportedError(reported: Failure): void {
    const failure = this.#toCharge(reported)
    this.#hasReportedError = true
    this.#reporter.streamFailed(failure)
    this.#handler.onReportedError(failure)
  }

  onStreamError(reported: Failure): void {
    const failure = this.#toCharge(reported)
    this.#attempt = undefined
    // How a stream ends that was given up already says no more about its engine.
    if (!this.#hasReportedError) this.#reporter.streamFailed(failure)
    this.#handler.onStreamError(failure)
  }

  onPromptError(reported: Failure): void {
    this.#reporter.promptFailed(this.#toCharge(reported))
  }

  onError(reported: Failure): void {
    const failure = this.#toCharge(reported)
    this.#attempt = undefined
    this.#history ??= new FailureHistory(this.#request, this.#dependencies)
    this.#history.add(failure, this.#pair, this.#reporter.failed(failure))
    if (failure.resetLeg !== undefined) this.#dependencies.gate?.suspend(this)
    this.#goOnAfter(failure, this.#history)
  }

  /** @returns false when there is no room, so that the attempt must wait. */
  tryStart(): boolean {
    const needs = this.#history ?? FIRST_ATTEMPT
    const reservation = this.#roomWait?.reservation
    const found = findRoom(this.#request, needs, this.#dependencies, reservation)
    if (found.kind === 'full') return false
    this.#roomWait?.ended()
    if (found.kind === 'room') this.#startAttempt(found)
    else if (found.kind === 'over-budget') this.#onOverBudget()
    else if (found.kind === 'no-engine') this.#waitForEngine(found.missing)
    else this.#giveUp(found.failure, 'not-retryable')
    return true
  }

  /** Called by the queue for budget until it returns true. */
  retryNow(): boolean {
    this.#isWaitingForBudget = false
    this.#tryNext()
    return !this.#isWaitingForBudget
  }

  #startAttempt(room: Room): void {
    this.#roomWait?.used(room.leases)
    this.#attempt = attemptIn(room, this.#request, this, this.#dependencies)
    this.#pair = room.pair
    this.#reporter.started(room.pair, room.feedback)
    this.#attempt.start()
  }

  #goOnAfter(failure: Failure, history: FailureHistory): void {
    const decision = history.decide(failure)
    switch (decision.kind) {
      case 'give-up':
        return this.#giveUp(failure, decision.because)
      case 'sign-of-life-wait':
        return this.#pauseFor(decision.delayMs, false, () => this.#goOnAfter(failure, history))
      case 'shortage-wait':
        this.#reporter.waitingForResources(failure)
        return this.#pauseFor(decision.delayMs)
      case 'free-attempt':
      case 'retry':
        this.#reporter.retrying(failure, history.retries, decision.delayMs)
        return this.#pauseFor(decision.delayMs, failure.resetLeg !== undefined)
    }
  }

  #toCharge(failure: Failure): Failure {
    return this.#isAbortRequested ? afterRequestedAbort(failure) : failure
  }

  /** Engines that are full are no failure: the attempt waits for its turn, and only the deadline ends the wait. */
  #tryNext(): void {
    const { capacityQueue, pairSelector } = this.#dependencies
    const needs = this.#history ?? FIRST_ATTEMPT
    const lineKey = lineOf(this.#request, needs, pairSelector)
    if (!capacityQueue.hasWaiting(lineKey) && this.tryStart()) return capacityQueue.noteStart(lineKey.model)
    this.#roomWait ??= new RoomWait(this.#request, this.#dependencies, () => this.tryStart())
    this.#roomWait.enter(lineKey, needs)
  }

  #onOverBudget(): void {
    const { config, budgetQueue } = this.#dependencies
    const failed = config.retry.overBudget === 'fail' ? this.#history?.latest : undefined
    if (failed !== undefined) return this.#giveUp(failed, 'over-budget')
    this.#roomWait?.leave()
    this.#isWaitingForBudget = true
    budgetQueue.wait(this)
  }

  /** Nothing was sent, so this is no retry: it costs no budget and has a time limit of its own. */
  #waitForEngine(missing: string): void {
    const { config, nowMs, random } = this.#dependencies
    this.#reporter.unassigned()
    this.#engineWait ??= new NoEngineWait(config.timeouts.engineWaitMs)
    const delayMs = this.#engineWait.nextMs(nowMs(), this.#request.deadlineMs, random)
    if (delayMs !== undefined && !this.#isAbortRequested) return this.#pauseFor(delayMs)
    const failure = noEngineFailure(missing)
    this.#reporter.failed(failure)
    this.#giveUp(failure, 'no-engine')
  }

  #pauseFor(delayMs: number, isAfterLoss = false, then = (): void => this.#tryNext()): void {
    ;(this.#pause ??= new RetryPause(this, this.#dependencies.gate)).start(delayMs, isAfterLoss, then)
  }

  #stopWaiting(): void {
    this.#pause?.end()
    this.#dependencies.budgetQueue.leave(this)
    this.#isWaitingForBudget = false
    this.#roomWait?.leave()
  }

  #giveUp(failure: Failure, because: string): void {
    this.#attempt = undefined
    this.#roomWait?.leave()
    if (!this.#isAbortRequested) this.#reporter.gaveUp(failure, because)
    this.#handler.onError(failure)
  }
}
