/**
 * Sends one request to the engines: attempt after attempt, each on a pair of its own, until one succeeds or no further
 * attempt can help. Only the result reaches the handler.
 *
 * It decides and waits. `prepare-attempt.ts` chooses the pair and builds the attempt, `attempt-reporter.ts` reports how
 * it went.
 */
import type { Config } from '../../src/config/config.ts'
import type { AttemptEvents, AttemptHandle, AttemptHandler, ResponseHead } from '../attempt/plan.ts'
import { afterRequestedAbort, type Failure } from '../classify/failure.ts'
import { abortedFailure, noEngineFailure } from '../classify/request-failure.ts'
import type { CapacityQueue, Waiter } from '../selection/capacity-queue.ts'
import type { Pair, PairSelector } from '../selection/pair-selector.ts'
import { AttemptReporter, type ReporterDependencies } from './attempt-reporter.ts'
import type { BudgetWaiter, RetryBudgetQueue } from './budget-queue.ts'
import type { EngineRequest } from './engine-request.ts'
import { FailureHistory, type HistoryDependencies } from './failure-history.ts'
import { NoEngineWait } from './no-engine-wait.ts'
import {
  type AttemptNeeds,
  type PrepareDependencies,
  prepareAttempt,
  type ReadyAttempt,
} from './prepare-attempt.ts'

export interface RetryLoopDependencies
  extends PrepareDependencies,
    ReporterDependencies,
    HistoryDependencies {
  readonly config: Pick<Config, 'retry' | 'timeouts'>
  readonly pairSelector: Pick<PairSelector, 'choose' | 'queueKeyOf' | 'isSound'>
  readonly breakers: PrepareDependencies['breakers'] & HistoryDependencies['breakers']
  readonly budgetQueue: Pick<RetryBudgetQueue, 'countRequest' | 'take' | 'wait' | 'leave'>
  readonly capacityQueue: Pick<CapacityQueue, 'hasRoom' | 'tryTake' | 'hasWaiting' | 'wait' | 'leave'>
}

const FIRST_ATTEMPT: AttemptNeeds = {
  avoidedSlots: new Set(),
  freshConnection: false,
  mayUse: () => true,
}

export class RetryLoop implements AttemptEvents, Waiter, BudgetWaiter {
  readonly #request: EngineRequest
  readonly #handler: AttemptHandler
  readonly #dependencies: RetryLoopDependencies
  readonly #reporter: AttemptReporter
  /** `undefined` until an attempt has failed: most requests never fail, so nothing is allocated for them. */
  #history: FailureHistory | undefined
  #attempt: AttemptHandle | undefined
  /** The pair of the latest attempt. */
  #pair: Pair | undefined
  #isAbortRequested = false
  /** Runs during the pause before an attempt. */
  #timer: NodeJS.Timeout | undefined
  #isWaitingForBudget = false
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
    if (!this.#isWaiting) return this.#attempt?.requestAbort()
    this.#stopWaiting()
    this.#giveUp(abortedFailure(), 'aborted')
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

  onStreamError(reported: Failure): void {
    const failure = this.#toCharge(reported)
    this.#attempt = undefined
    this.#reporter.failed(failure)
    this.#reporter.streamBroke(failure)
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
    this.#history ??= new FailureHistory(this.#request.deadlineMs, this.#dependencies)
    const decision = this.#history.add(failure, this.#pair, this.#reporter.failed(failure))
    switch (decision.kind) {
      case 'give-up':
        return this.#giveUp(failure, decision.because)
      case 'shortage-wait':
        this.#reporter.waitingForResources(failure)
        return this.#tryAfter(decision.delayMs)
      case 'free-attempt':
      case 'retry':
        this.#reporter.retrying(failure, this.#history.retries, decision.delayMs)
        return this.#tryAfter(decision.delayMs)
    }
  }

  /** Called by the capacity queue until it returns true. */
  tryStart(): boolean {
    const prepared = prepareAttempt(this.#request, this.#history ?? FIRST_ATTEMPT, this, this.#dependencies)
    if (prepared.kind === 'full') return false
    this.#queueKey = undefined
    if (prepared.kind === 'ready') this.#startAttempt(prepared)
    else if (prepared.kind === 'over-budget') this.#onOverBudget()
    else if (prepared.kind === 'no-engine') this.#waitForEngine(prepared.missing)
    else this.#giveUp(prepared.failure, 'not-retryable')
    return true
  }

  /** Called by the queue for budget until it returns true. */
  retryNow(): boolean {
    this.#isWaitingForBudget = false
    this.#tryNext()
    return !this.#isWaitingForBudget
  }

  get #isWaiting(): boolean {
    return this.#timer !== undefined || this.#isWaitingForBudget || this.#queueKey !== undefined
  }

  #startAttempt({ attempt, pair, feedback }: ReadyAttempt): void {
    this.#attempt = attempt
    this.#pair = pair
    this.#reporter.started(pair, feedback)
    attempt.start()
  }

  #toCharge(failure: Failure): Failure {
    return this.#isAbortRequested ? afterRequestedAbort(failure) : failure
  }

  /** Engines that are full are no failure: the attempt waits for its turn, and only the deadline ends the wait. */
  #tryNext(): void {
    const { capacityQueue, pairSelector } = this.#dependencies
    const modelKey = pairSelector.queueKeyOf(this.#request.fields.model)
    const { avoidedSlots } = this.#history ?? FIRST_ATTEMPT
    // An attempt that avoids engines may start where others cannot, and the reverse, so those that avoid the same
    // engines queue apart and do not hold up the others.
    const queueKey =
      avoidedSlots.size === 0 ? modelKey : `${modelKey} avoiding ${[...avoidedSlots].toSorted().join()}`
    if (!capacityQueue.hasWaiting(queueKey) && this.tryStart()) return
    this.#queueKey = queueKey
    capacityQueue.wait(queueKey, this)
  }

  #onOverBudget(): void {
    const { config, budgetQueue } = this.#dependencies
    const latest = this.#history?.latest
    if (config.retry.overBudget === 'fail' && latest !== undefined) return this.#giveUp(latest, 'over-budget')
    this.#isWaitingForBudget = true
    budgetQueue.wait(this)
  }

  /** Nothing was sent, so this is no retry: it costs no budget and has a time limit of its own. */
  #waitForEngine(missing: string): void {
    const { config, nowMs, random } = this.#dependencies
    this.#reporter.unassigned()
    this.#engineWait ??= new NoEngineWait(config.timeouts.engineWaitMs)
    const delayMs = this.#engineWait.nextMs(nowMs(), this.#request.deadlineMs, random)
    if (delayMs !== undefined && !this.#isAbortRequested) return this.#tryAfter(delayMs)
    const failure = noEngineFailure(missing)
    this.#reporter.failed(failure)
    this.#giveUp(failure, 'no-engine')
  }

  #tryAfter(delayMs: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#tryNext()
    }, delayMs)
  }

  #stopWaiting(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#dependencies.budgetQueue.leave(this)
    this.#isWaitingForBudget = false
    if (this.#queueKey !== undefined) this.#dependencies.capacityQueue.leave(this.#queueKey, this)
    this.#queueKey = undefined
  }

  #giveUp(failure: Failure, because: string): void {
    this.#attempt = undefined
    this.#reporter.gaveUp(failure, because)
    this.#handler.onError(failure)
  }
}
