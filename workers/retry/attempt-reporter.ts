/**
 * Reports how the attempts of one request end: to the breakers and the pair's health, to the metrics and to the log.
 * All of it follows from one `Failure`.
 */
import type { Engine } from '../../src/core/engine.ts'
import type { Logger } from '../../src/telemetry/log.ts'
import type { RouterMetrics } from '../attempt/metrics.ts'
import type { Failure } from '../classify/failure.ts'
import type { CachedPrompt } from '../dialects/response-summary.ts'
import type { RequestFields } from '../request/fields.ts'
import { chargedEngines } from '../selection/charged-engines.ts'
import type { AttemptFeedback } from '../selection/feedback.ts'
import type { Pair } from '../selection/pair-selector.ts'
import type { PrefillTask } from '../selection/prefill-task.ts'
import type { PromptWork } from '../selection/prompt-work.ts'
import type { EngineRequest } from './engine-request.ts'

export interface ReporterDependencies {
  readonly metrics: AttemptMetrics
  readonly log: Pick<Logger, 'warn' | 'debug' | 'isDebug'>
  readonly promptWork: Pick<PromptWork, 'start' | 'hold' | 'noteCached'>
}

interface AttemptMetrics extends Pick<RouterMetrics, 'attemptFailed' | 'promptComputed' | 'retried'> {
  /** `cachedShare`: of the prompt, as far as it is expected to be cached, 0 to 1. */
  attemptStarted(pair: Pair, cachedShare: number | undefined): void
}

/** What is reported of a request, and what decides whether it is. */
interface ReportedRequest extends Pick<EngineRequest, 'label' | 'endpoint' | 'prompt'> {
  readonly fields: Pick<RequestFields, 'recomputesPrompt'>
}

const NONE: readonly Engine[] = []
const MESSAGE_LIMIT = 300

export class AttemptReporter {
  readonly #request: ReportedRequest
  readonly #dependencies: ReporterDependencies
  /** The pair of the latest attempt. */
  #pair: Pair | undefined
  #feedback: AttemptFeedback | undefined
  #prefill: PrefillTask | undefined
  /** Whether the prompt of the attempt is off the engine's hands. */
  #isPromptOver = false
  #hasPrefillAnswered = false
  /** Whether the engine of the attempt has said how much of the prompt it had cached. */
  #isReported = false

  constructor(request: ReportedRequest, dependencies: ReporterDependencies) {
    this.#request = request
    this.#dependencies = dependencies
  }

  started(pair: Pair, feedback: AttemptFeedback): void {
    const { promptWork, metrics, log } = this.#dependencies
    this.#prefill = promptWork.start(this.#request.prompt, pair.prefill ?? pair.decode)
    this.#isPromptOver = false
    this.#hasPrefillAnswered = false
    this.#isReported = false
    this.#pair = pair
    this.#feedback = feedback
    metrics.attemptStarted(pair, this.#prefill?.predictedShare)
    if (log.isDebug) log.debug(this.#routeFields(), 'attempt started')
  }

  /** No pair could be chosen, so later log lines name none. */
  unassigned(): void {
    this.#pair = undefined
  }

  /** `cached`: as the engine that computed the prompt says. What it says first counts. */
  promptComputed(cached: CachedPrompt | undefined): void {
    // Whatever else the request needs, it keeps no other prompt waiting.
    this.#endPrompt(true)
    this.#notePrefillAnswer()
    if (cached === undefined || this.#pair === undefined || this.#isReported) return
    const { endpoint, fields } = this.#request
    const { promptWork, metrics } = this.#dependencies
    const { cachedTokens, promptTokens } = cached
    const engine = this.#pair.prefill ?? this.#pair.decode
    // What is cached of such a prompt is not used, so the count says nothing of it.
    if (fields.recomputesPrompt || !promptWork.noteCached(cachedTokens, endpoint, engine)) return
    this.#isReported = true
    const predicted = Math.round((this.#prefill?.predictedShare ?? 0) * promptTokens)
    metrics.promptComputed(engine, { prompt: promptTokens, cached: cachedTokens, predicted })
    this.#prefill?.report(cachedTokens, promptTokens)
  }

  succeeded(): void {
    this.#endPrompt(true)
    this.#feedback?.succeeded()
  }

  abandoned(): void {
    this.#endPrompt(false)
    this.#feedback?.abandoned()
  }

  /** Charges the failure and counts it. @returns the engines that it is charged to. */
  failed(failure: Failure): readonly Engine[] {
    this.#endPrompt(false)
    const engines = this.#pair === undefined ? NONE : chargedEngines(failure.chargedTo, this.#pair)
    this.#feedback?.failed(failure.chargedTo, engines)
    // An attempt is charged once: a stream that has lost a prompt may still break.
    this.#feedback = undefined
    this.#dependencies.metrics.attemptFailed(failure, engines)
    return engines
  }

  /** `retry`: number of retries made or decided on so far. */
  retrying(failure: Failure, retry: number, delayMs: number): void {
    this.#dependencies.metrics.retried(failure)
    this.#warn('retry', failure, { retry, delayMs: Math.round(delayMs) })
  }

  waitingForResources({ error }: Failure): void {
    this.#dependencies.log.debug({ request: this.#request.label, error: error.message }, 'local shortage')
  }

  /** A stream has failed after the client has received a part of it. */
  streamFailed(failure: Failure): void {
    this.failed(failure)
    this.#warn('stream broken', failure)
  }

  promptFailed(failure: Failure): void {
    this.failed(failure)
    this.#warn('prompt of a batch failed', failure)
  }

  /** Requests that the client got wrong are not logged. */
  gaveUp(failure: Failure, because: string): void {
    const { fault, status } = failure.error
    if (fault !== 'client' && status >= 500) this.#warn('failed', failure, { because })
  }

  /** Once: when decode reports more of the prompt later, the prefill engine may have ended. */
  #notePrefillAnswer(): void {
    if (!this.#hasPrefillAnswered) this.#feedback?.prefillAnswered()
    this.#hasPrefillAnswered = true
  }

  /** A prompt that may not have been computed must not be expected in the engine's cache. */
  #endPrompt(isComputed: boolean): void {
    if (this.#isPromptOver) return
    this.#isPromptOver = true
    if (isComputed) this.#prefill?.end()
    else this.#prefill?.drop()
  }

  /** Where the latest attempt went, and why. */
  #routeFields(): object {
    const pair = this.#pair
    const share = pair && this.#prefill?.predictedShare
    return {
      request: this.#request.label,
      prefill: pair?.prefill?.url,
      prefillReason: pair?.prefillReason,
      decode: pair?.decode.url,
      decodeReason: pair?.decodeReason,
      ...(pair && ranksIn(pair)),
      cachedShare: share && Math.round(share * 100) / 100,
    }
  }

  #warn(message: string, failure: Failure, details: object = {}): void {
    const { label, endpoint } = this.#request
    const fields = {
      request: label,
      endpoint,
      cause: failure.cause,
      leg: failure.error.leg,
      status: failure.error.status,
      ...this.#routeFields(),
      ...details,
      error: failure.error.message.slice(0, MESSAGE_LIMIT),
    }
    this.#dependencies.log.warn(fields, message)
  }
}

/** The ranks of the attempt, on engines whose ranks are counted. */
function ranksIn({ prefill, decode }: Pair): object {
  return {
    ...(prefill?.rank && { prefillRank: prefill.rank.number }),
    ...(decode.rank && { decodeRank: decode.rank.number }),
  }
}
