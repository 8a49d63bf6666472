/**
 * One client request for tokens, from its first look to its last byte: reads the fields, runs the attempts (or one
 * loop of them for each sample), keeps the client's credit and the total deadline.
 */

import type { Config } from '../src/config/config.ts'
import type { GenerationEndpoint } from '../src/core/endpoint.ts'
import { GatewayError } from '../src/core/errors.ts'
import { CreditBalance } from '../src/messages/credit.ts'
import { headerIn } from '../src/messages/flat-headers.ts'
import type { OpenMessage } from '../src/messages/types.ts'
import type { Logger } from '../src/telemetry/log.ts'
import type { RequestOutcome } from '../src/telemetry/metric-catalogue.ts'
import { outcomeOf, type RouterMetrics } from './attempt/metrics.ts'
import type { AttemptHandler, ResponseHead } from './attempt/plan.ts'
import type { Failure } from './classify/failure.ts'
import { asGatewayError } from './internal-error.ts'
import { type RequestFields, readFields } from './request/fields.ts'
import { readTimeouts, type TimedHeaders } from './request/timeouts.ts'
import { EditingHandler } from './response/editing-handler.ts'
import type { ResponseSender } from './response-sender.ts'
import type { EngineRequest } from './retry/engine-request.ts'
import { RetryLoop, type RetryLoopDependencies } from './retry/retry-loop.ts'
import { FanOut } from './samples/fan-out.ts'

const PATHS = {
  generate: '/generate',
  chat: '/v1/chat/completions',
  completions: '/v1/completions',
} as const satisfies Record<GenerationEndpoint, string>

type Run = RetryLoop | FanOut

export interface RoutedRequestDependencies extends RetryLoopDependencies {
  readonly config: Pick<Config, 'retry' | 'timeouts' | 'limits'>
  readonly metrics: RouterMetrics
  readonly log: Logger
}

export class RoutedRequest implements AttemptHandler {
  readonly #reply: ResponseSender
  readonly #dependencies: RoutedRequestDependencies
  readonly #credit: CreditBalance
  readonly #onEnd: () => void
  readonly #startedMs: number
  #totalTimer: NodeJS.Timeout | undefined
  #totalMs: number
  #endpoint: GenerationEndpoint | undefined
  #run: Run | undefined
  #isPaused = false
  #isDone = false
  /** The rid that the client sent, by which it may abort. */
  clientRids: readonly string[] = []

  /** `onEnd` is called once, after the last row. */
  constructor(
    message: OpenMessage,
    reply: ResponseSender,
    dependencies: RoutedRequestDependencies,
    onEnd: () => void,
  ) {
    this.#reply = reply
    this.#dependencies = dependencies
    this.#credit = new CreditBalance(message.creditBytes)
    this.#onEnd = onEnd
    this.#startedMs = dependencies.nowMs() - message.ageMs
    this.#totalMs = dependencies.config.timeouts.totalSecs * 1000
  }

  /** Never throws: what goes wrong is the client's answer. */
  start(endpoint: GenerationEndpoint, message: OpenMessage): void {
    this.#endpoint = endpoint
    try {
      const timed = readTimeouts(message.headers, this.#dependencies.config.timeouts)
      this.#totalMs = timed.timeouts.totalMs
      this.#totalTimer = setTimeout(() => this.#expire(), Math.max(0, this.#totalMs - message.ageMs))
      const fields = readFields(endpoint, message.body)
      this.clientRids = typeof fields.clientRid === 'string' ? [fields.clientRid] : (fields.clientRid ?? [])
      this.#run = this.#createRun(this.#toRequest(endpoint, message, fields, timed))
      this.#run.start()
    } catch (error) {
      this.#fail(asGatewayError(error, this.#dependencies.log))
    }
  }

  /** The client is gone: both legs of every attempt are aborted, nothing more is said. */
  abort(): void {
    if (this.#isDone) return
    this.#run?.abort()
    this.#end('aborted')
  }

  /** The client asked for it by rid: the engines are told, and their last word is the answer. */
  requestAbort(): void {
    this.#run?.requestAbort()
  }

  grant(bytes: number): void {
    this.#credit.grant(bytes)
    if (!this.#isPaused || this.#credit.isSpent) return
    this.#isPaused = false
    this.#run?.resume()
  }

  onResponse(head: ResponseHead, body: Uint8Array): void {
    this.#reply.answer(head.status, head.headers, body)
    this.#end('ok')
  }

  onHead(head: ResponseHead): void {
    this.#dependencies.metrics.firstToken(this.#ageMs())
    this.#reply.start(head.status, head.headers)
  }

  onData(bytes: Uint8Array): void {
    this.#reply.chunk(bytes)
    this.#credit.spend(bytes.length)
    if (this.#isPaused || !this.#credit.isSpent) return
    this.#isPaused = true
    this.#run?.pause()
  }

  onEnd(): void {
    this.#reply.end()
    this.#end('ok')
  }

  onError(failure: Failure): void {
    this.#fail(failure.error)
  }

  onStreamError(failure: Failure): void {
    this.#fail(failure.error, 'broken')
  }

  #toRequest(
    endpoint: GenerationEndpoint,
    message: OpenMessage,
    fields: RequestFields,
    { headers, timeouts }: TimedHeaders,
  ): EngineRequest {
    const { samples } = this.#dependencies.config.limits
    if (fields.n > samples) {
      throw new GatewayError('invalid-request', `n is ${fields.n}; this gateway takes at most ${samples}.`)
    }
    return {
      endpoint,
      path: message.query === '' ? PATHS[endpoint] : `${PATHS[endpoint]}?${message.query}`,
      headers: [...headers, 'content-type', 'application/json'],
      body: message.body,
      fields,
      singleSample: false,
      timeouts,
      deadlineMs: this.#startedMs + this.#totalMs,
      id: message.id,
      label: headerIn(message.headers, 'x-request-id') ?? String(message.id),
    }
  }

  #createRun(request: EngineRequest): Run {
    if (request.fields.n > 1) return new FanOut(request, this, this.#dependencies)
    const sink = EditingHandler.isNeededFor(request.fields) ? new EditingHandler(request.fields, this) : this
    return new RetryLoop(request, sink, this.#dependencies)
  }

  #expire(): void {
    this.#run?.abort()
    this.#fail(
      new GatewayError('deadline-exceeded', `The request was not complete after ${this.#totalMs / 1000} s.`),
    )
  }

  #fail(error: GatewayError, outcome = outcomeOf(error)): void {
    if (this.#isDone) return
    this.#reply.error(error)
    this.#end(outcome)
  }

  #ageMs(): number {
    return this.#dependencies.nowMs() - this.#startedMs
  }

  #end(outcome: RequestOutcome): void {
    this.#isDone = true
    if (this.#endpoint) this.#dependencies.metrics.requestEnded(this.#endpoint, outcome, this.#ageMs())
    clearTimeout(this.#totalTimer)
    this.#onEnd()
  }
}
