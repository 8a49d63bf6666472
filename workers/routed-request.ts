/**
 * One generation request on its router thread, from reading its body to the end of its response: runs one retry loop, or
 * one per sample, under the total deadline. The response itself goes through `response-sender.ts`.
 */

import type { Config } from '../src/config/config.ts'
import type { GenerationEndpoint } from '../src/core/endpoint.ts'
import { GatewayError } from '../src/core/errors.ts'
import type { BatchSender } from '../src/messages/channel.ts'
import { headerIn } from '../src/messages/flat-headers.ts'
import type { OpenMessage } from '../src/messages/types.ts'
import type { Logger } from '../src/telemetry/log.ts'
import type { RequestOutcome } from '../src/telemetry/metric-catalogue.ts'
import type { RouterMetrics } from './attempt/metrics.ts'
import { asGatewayError } from './internal-error.ts'
import { type RequestFields, readFields } from './request/fields.ts'
import { readTimeouts, type TimedHeaders } from './request/timeouts.ts'
import { EditingHandler } from './response/editing-handler.ts'
import { type ResponseOwner, ResponseSender } from './response-sender.ts'
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

export class RoutedRequest implements ResponseOwner {
  readonly #response: ResponseSender
  readonly #dependencies: RoutedRequestDependencies
  readonly #onEnd: () => void
  readonly #startedMs: number
  #totalTimer: NodeJS.Timeout | undefined
  #totalMs: number
  #endpoint: GenerationEndpoint | undefined
  #run: Run | undefined
  /** The rids that the client sent and by which it may abort the request. */
  clientRids: readonly string[] = []

  /** `onEnd` is called once, after the last row. */
  constructor(
    message: OpenMessage,
    sender: BatchSender,
    dependencies: RoutedRequestDependencies,
    onEnd: () => void,
  ) {
    this.#response = new ResponseSender(message, sender, this)
    this.#dependencies = dependencies
    this.#onEnd = onEnd
    this.#startedMs = dependencies.nowMs() - message.ageMs
    this.#totalMs = dependencies.config.timeouts.totalSecs * 1000
  }

  /** Does not throw: every error becomes the client's response. */
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
      this.#response.fail(asGatewayError(error, this.#dependencies.log))
    }
  }

  /** The client is gone: aborts all legs and writes no more rows. */
  abort(): void {
    if (this.#response.isDone) return
    this.#run?.abort()
    this.#response.abandon()
  }

  /** The client asked for the abort by rid: engines are asked to stop, and decode's last output ends the response. */
  requestAbort(): void {
    this.#run?.requestAbort()
  }

  /** The client has read data: `bytes` more may be sent. */
  grant(bytes: number): void {
    this.#response.grant(bytes)
  }

  onCommit(): void {
    this.#dependencies.metrics.firstToken(this.#ageMs())
  }

  pause(): void {
    this.#run?.pause()
  }

  resume(): void {
    this.#run?.resume()
  }

  onDone(outcome: RequestOutcome): void {
    if (this.#endpoint) this.#dependencies.metrics.requestEnded(this.#endpoint, outcome, this.#ageMs())
    clearTimeout(this.#totalTimer)
    this.#onEnd()
  }

  #toRequest(
    endpoint: GenerationEndpoint,
    message: OpenMessage,
    fields: RequestFields,
    { headers, timeouts }: TimedHeaders,
  ): EngineRequest {
    const { samples } = this.#dependencies.config.limits
    if (fields.n > samples) {
      throw new GatewayError(
        'invalid-request',
        `The field n is ${fields.n}, but at most ${samples} samples are allowed`,
      )
    }
    return {
      endpoint,
      path: message.query === '' ? PATHS[endpoint] : `${PATHS[endpoint]}?${message.query}`,
      headers: [...headers, 'accept-encoding', 'identity', 'content-type', 'application/json'],
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
    const response = this.#response
    if (request.fields.n > 1) return new FanOut(request, response, this.#dependencies)
    const needsEditing = EditingHandler.isNeededFor(request.fields)
    const handler = needsEditing ? new EditingHandler(request.fields, response) : response
    return new RetryLoop(request, handler, this.#dependencies)
  }

  #expire(): void {
    this.#run?.abort()
    const message = `The request did not complete within ${this.#totalMs / 1000} s`
    this.#response.fail(new GatewayError('deadline-exceeded', message))
  }

  #ageMs(): number {
    return this.#dependencies.nowMs() - this.#startedMs
  }
}
