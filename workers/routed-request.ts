/**
 * One generation request on its router thread, from reading its body to the end of its response: runs one retry loop, or
 * one per sample, under the total deadline. The response itself goes through `response-sender.ts`.
 */

import type { Config } from '../src/config/config.ts'
import type { GenerationEndpoint } from '../src/core/endpoint.ts'
import type { LostEngine } from '../src/core/engine.ts'
import { GatewayError } from '../src/core/errors.ts'
import type { BatchSender } from '../src/messages/channel.ts'
import { headerIn, RANK_HEADER } from '../src/messages/flat-headers.ts'
import type { FlatHeaders, OpenMessage } from '../src/messages/types.ts'
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
import { RouteRecord } from './route-record.ts'
import { FanOut } from './samples/fan-out.ts'
import { countParts, partOf, promptNamed } from './samples/parts.ts'
import type { Pair } from './selection/pair-selector.ts'

const PATHS = {
  generate: '/generate',
  chat: '/v1/chat/completions',
  completions: '/v1/completions',
} as const satisfies Record<GenerationEndpoint, string>

type Run = RetryLoop | FanOut

const NO_HEADERS: FlatHeaders = []

export interface RoutedRequestDependencies extends RetryLoopDependencies {
  readonly config: Pick<Config, 'server' | 'retry' | 'timeouts' | 'limits' | 'engines'>
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
  #route: RouteRecord | undefined
  #fields: RequestFields | undefined

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
      const { limits } = this.#dependencies.config
      const fields = readFields(endpoint, message.body, limits)
      this.#check(fields, message.headers)
      this.#fields = fields
      this.#run = this.#createRun(this.#toRequest(endpoint, message, fields, timed))
      const { heartbeatMs } = this.#dependencies.config.timeouts
      if (fields.isStream && heartbeatMs > 0) this.#response.startHeartbeats(heartbeatMs)
      for (const rid of message.abortedRids) this.requestAbort(rid)
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

  /**
   * The client asked for an abort: engines are asked to stop, and decode's last output ends the response. `rid`: the
   * client's name for what to abort, this request or one of its prompts; `undefined` for all requests.
   */
  requestAbort(rid: string | undefined): void {
    if (this.#fields === undefined) return
    const prompt = rid === undefined ? 'all' : promptNamed(this.#fields, rid)
    if (prompt === 'all') this.#run?.requestAbort()
    else if (prompt !== undefined && this.#run instanceof FanOut) this.#run.requestAbort(prompt)
    // A list of one prompt may run as a single request.
    else if (prompt !== undefined) this.#run?.requestAbort()
  }

  /** Fails the attempts that wait for the engine, so that they are repeated on another. */
  giveUpOn(lost: LostEngine): void {
    this.#run?.giveUpOn(lost)
  }

  /** The client has read data: `bytes` more may be sent. */
  grant(bytes: number): void {
    this.#response.grant(bytes)
  }

  headersToAdd(): FlatHeaders {
    return this.#route?.headers() ?? NO_HEADERS
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
    return {
      endpoint,
      path: message.query === '' ? PATHS[endpoint] : `${PATHS[endpoint]}?${message.query}`,
      headers: [...headers, 'accept-encoding', 'identity', 'content-type', 'application/json'],
      body: message.body,
      fields,
      edits: [],
      isPromptOfBatch: false,
      timeouts,
      deadlineMs: this.#startedMs + this.#totalMs,
      id: message.id,
      label: headerIn(message.headers, 'x-request-id') ?? String(message.id),
    }
  }

  #check(fields: RequestFields, headers: FlatHeaders): void {
    const { limits, engines } = this.#dependencies.config
    const { samples, prompts } = limits
    // Both legs get the same request, but a rank is meant for one of the engines, and the other must know it.
    const pinned =
      fields.pinnedRank ??
      (headerIn(headers, RANK_HEADER) === undefined ? undefined : `header ${RANK_HEADER}`)
    if (pinned !== undefined && engines.mode === 'pd') {
      const message = `The ${pinned} cannot be honored with separate prefill and decode engines: remove it`
      throw new GatewayError('invalid-request', message)
    }
    if (fields.n > samples) {
      throw new GatewayError(
        'invalid-request',
        `The field n is ${fields.n}, but at most ${samples} samples are allowed`,
      )
    }
    const parts = countParts(fields)
    if (parts <= prompts) return
    const message = `The request has ${parts} prompts times samples, but at most ${prompts} are allowed`
    throw new GatewayError('invalid-request', message)
  }

  #createRun(request: EngineRequest): Run {
    const response = this.#response
    const { fields, endpoint } = request
    const dependencies = this.#recording(request)
    const isSingle = fields.batch === undefined && fields.n === 1
    // Choices of a single part need no merging; an item of `/generate` becomes a list.
    const isSinglePart = countParts(fields) === 1 && endpoint !== 'generate'
    if (!isSingle && !isSinglePart) return new FanOut(request, response, dependencies)
    const only = isSingle ? request : partOf(request, 0)
    const needsEditing = EditingHandler.isNeededFor(only.fields)
    const handler = needsEditing ? new EditingHandler(only.fields, response) : response
    return new RetryLoop(only, handler, dependencies)
  }

  /** Has the attempts recorded if the operator wants to see them in the response. */
  #recording(request: EngineRequest): RetryLoopDependencies {
    const { config, metrics } = this.#dependencies
    if (!config.server.routeHeaders) return this.#dependencies
    const route = new RouteRecord(countParts(request.fields) > 1)
    this.#route = route
    const attemptStarted = (pair: Pair): void => {
      metrics.attemptStarted(pair)
      route.attemptStarted(pair)
    }
    const attemptFailed: RouterMetrics['attemptFailed'] = (...args) => metrics.attemptFailed(...args)
    const retried: RouterMetrics['retried'] = failure => metrics.retried(failure)
    return { ...this.#dependencies, metrics: { attemptStarted, attemptFailed, retried } }
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
