/**
 * The failed attempts of one request, and what follows from them for the next: whether it is made, which engines it
 * avoids, and whether it needs retry budget.
 */
import type { Config } from '../../src/config/config.ts'
import type { NowMs } from '../../src/core/clock.ts'
import type { Engine } from '../../src/core/engine.ts'
import type { Random } from '../../src/core/random.ts'
import { decideRetry, type RetryAdvice, type RetryDecision } from '../../src/resilience/retry-decision.ts'
import type { Failure } from '../classify/failure.ts'
import { Avoided } from '../selection/avoided.ts'
import type { Breakers } from '../selection/breakers.ts'
import { AttemptFeedback, type FeedbackDependencies } from '../selection/feedback.ts'
import type { Pair, PairSelector } from '../selection/pair-selector.ts'
import type { RetryBudgetQueue } from './budget-queue.ts'
import { EngineLosses } from './engine-loss.ts'
import type { EngineRequest } from './engine-request.ts'

export interface HistoryDependencies extends FeedbackDependencies {
  readonly config: Pick<Config, 'retry'>
  readonly pairSelector: Pick<PairSelector, 'choose' | 'isSound'>
  readonly breakers: FeedbackDependencies['breakers'] & Pick<Breakers, 'answers'>
  readonly budgetQueue: Pick<RetryBudgetQueue, 'take'>
  readonly random: Random
  readonly nowMs: NowMs
}

const NO_SLOTS: ReadonlySet<number> = new Set()

export class FailureHistory {
  readonly #request: Pick<EngineRequest, 'deadlineMs' | 'fields' | 'serves' | 'pins'>
  readonly #dependencies: HistoryDependencies
  #avoided: Avoided | undefined
  #losses: EngineLosses | undefined
  #hadFreeAttempt = false
  /** The next attempt is a retry that has not been paid for: it needs a sound pair, or budget. */
  #owesBudget = false
  /** Retries decided on so far. */
  retries = 0
  /** Whether the next attempt needs connections that were never used before. */
  freshConnection = false
  latest: Failure | undefined
  #latestPair: Pair | undefined

  constructor(
    request: Pick<EngineRequest, 'deadlineMs' | 'fields' | 'serves' | 'pins'>,
    dependencies: HistoryDependencies,
  ) {
    this.#request = request
    this.#dependencies = dependencies
  }

  /** Slots of the engines that failures were charged to, or that have named a time before which they take no retry. */
  get avoidedSlots(): ReadonlySet<number> {
    return this.#avoided?.slots ?? NO_SLOTS
  }

  /** Adds a failed attempt on `pair`, charged to `engines`. */
  add(failure: Failure, pair: Pair | undefined, engines: readonly Engine[]): void {
    const { breakers, config, nowMs } = this.#dependencies
    this.latest = failure
    this.#latestPair = pair
    if (engines.length > 0) (this.#avoided ??= new Avoided()).add(failure.chargedTo, engines)
    if (failure.resetLeg === undefined) return
    const lost = failure.resetLeg === 'prefill' ? pair?.prefill : pair?.decode
    this.#losses ??= new EngineLosses(breakers.answers, config.retry.lossHoldMs)
    if (lost !== undefined) this.#losses.add(lost.slot, nowMs())
  }

  /** What follows from `failure`, the latest. After a `sign-of-life-wait` it must be asked again. */
  decide(failure: Failure): RetryDecision {
    const decision = this.#decisionOn(failure)
    if (decision.kind === 'sign-of-life-wait') return decision
    this.freshConnection = decision.kind === 'free-attempt'
    if (this.freshConnection) this.#hadFreeAttempt = true
    if (decision.kind === 'retry') this.retries++
    if (decision.kind !== 'shortage-wait')
      this.#owesBudget = decision.kind === 'retry' && decision.costsBudget
    return decision
  }

  /**
   * Whether the next attempt may be made on this pair; takes budget if it must. A retry on a sound pair costs none: it
   * adds nothing to the load of what fails. Otherwise budget that the sick engines have spent would hold up requests
   * that the sound ones could serve.
   */
  mayUse(pair: Pair): boolean {
    if (!this.#owesBudget) return true
    const { pairSelector, budgetQueue } = this.#dependencies
    if (pairSelector.isSound(pair) && this.#avoided?.includes(pair) !== true) return true
    this.#owesBudget = !budgetQueue.take()
    return !this.#owesBudget
  }

  #decisionOn(failure: Failure): RetryDecision {
    const { config, random } = this.#dependencies
    const nowMs = this.#dependencies.nowMs()
    const failed = {
      advice: this.#adviceOf(failure, this.#latestPair),
      retries: this.retries,
      hadFreeAttempt: this.#hadFreeAttempt,
      signOfLifeLeftMs: this.#losses?.signOfLifeLeftMs(nowMs),
      remainingMs: this.#request.deadlineMs - nowMs,
    }
    return decideRetry(failed, config.retry, random)
  }

  /** A `Retry-After` holds for the engine that sent it: other engines need not be waited for. */
  #adviceOf({ retry, error }: Failure, pair: Pair | undefined): RetryAdvice {
    if (retry.kind !== 'backoff' || retry.minDelayMs === 0 || pair === undefined) return retry
    ;(this.#avoided ??= new Avoided()).addBusy((error.leg === 'prefill' && pair.prefill) || pair.decode)
    return this.#isSoundPairLeft() ? { ...retry, minDelayMs: 0 } : retry
  }

  /** Whether a sound pair is left that has none of the avoided engines, full or not. */
  #isSoundPairLeft(): boolean {
    const { pairSelector } = this.#dependencies
    const { fields, serves, pins } = this.#request
    const choice = pairSelector.choose(fields.model, this.avoidedSlots, undefined, { serves, pins })
    if (choice.kind !== 'pair') return false
    new AttemptFeedback(choice.pair, choice.probes, this.#dependencies).abandoned()
    const { prefill, decode } = choice.pair
    const hasAvoided = [prefill, decode].some(engine => engine && this.avoidedSlots.has(engine.slot))
    return !hasAvoided && pairSelector.isSound(choice.pair)
  }
}
