/**
 * One generation request on its router thread, from reading its body to the end of its response: runs one retry loop, or
 * one per sample, under the total deadline. The response itself goes through `response-sender.ts`.
 */

import type { Config } from '../src/config/config.ts'
import type { GenerationEndpoint } from '../src/core/endpoint.ts'
import type { LostEngine } from '../src/core/engine.ts'
import { GatewayError } from '../src/core/errors.ts'
import type { BatchSender } from '../src/messages/channel.ts'
import type { FlatHeaders, OpenMessage } from '../src/messages/types.ts'
import type { Logger } from '../src/telemetry/log.ts'
import type { RequestOutcome } from '../src/telemetry/metric-catalogue.ts'
import type { RouterMetrics } from './attempt/metrics.ts'
import type { Failure } from './classify/failure.ts'
import { abortedFailure } from './classify/request-failure.ts'
import { toEngineRequest } from './engine-request.ts'
import { asGatewayError } from './internal-error.ts'
import type { RequestReading } from './policy/request-reading.ts'
import { BodyScan } from './request/body-scan.ts'
import { type RequestFields, readFields } from './request/fields.ts'
import { rankPinsOf } from './request/pinned-ranks.ts'
import { readTimeouts, type TimedHeaders } from './request/timeouts.ts'
import { checkFields } from './request-check.ts'
import { EditingHandler } from './response/editing-handler.ts'
import { type ResponseOwner, ResponseSender } from './response-sender.ts'
import type { EngineRequest } from './retry/engine-request.ts'
import { RetryLoop } from './retry/retry-loop.ts'
import { RouteRecord, recordingMetrics } from './route-record.ts'
import { type AbortedOutput, abortedOutput } from './samples/aborted-output.ts'
import { FanOut, type FanOutDependencies } from './samples/fan-out.ts'
import { countParts, partOf, promptNamed } from './samples/parts.ts'
import { AT_ONCE_BYTES, type TurnQueue } from './turns/turn-queue.ts'

type Run = RetryLoop | FanOut

const NO_HEADERS: FlatHeaders = []

export interface RoutedRequestDependencies extends FanOutDependencies, RequestReading {
  readonly config: Pick<Config, 'server' | 'retry' | 'timeouts' | 'limits' | 'engines'>
  readonly metrics: RouterMetrics
  readonly log: Logger
  /** The long work of this thread. */
  readonly turns: TurnQueue
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
  #request: EngineRequest | undefined
  /** The client has asked to abort the whole request by its rid, or all requests. */
  #isAborted = false
  /** Set while a large body is read. */
  #scan: BodyScan | undefined
  /** Aborts by rid that came before the body was read; `undefined` is one of all requests. */
  #earlyAborts: Set<string | undefined> | undefined

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

  /**
   * Does not throw: every error becomes the client's response. `aborts`: the rids that were aborted while the request waited.
   */
  start(endpoint: GenerationEndpoint, message: OpenMessage, aborts?: ReadonlySet<string>): void {
    this.#endpoint = endpoint
    if (aborts !== undefined) this.#earlyAborts = new Set(aborts)
    try {
      const timed = readTimeouts(message.headers, this.#dependencies.config.timeouts)
      this.#totalMs = timed.timeouts.totalMs
      this.#totalTimer = setTimeout(() => this.#expire(), Math.max(0, this.#totalMs - message.ageMs))
      const { fieldOptions } = this.#dependencies
      if (message.body.length > AT_ONCE_BYTES) this.#readLater(endpoint, message, timed)
      else this.#begin(readFields(endpoint, message.body, fieldOptions), endpoint, message, timed)
    } catch (error) {
      this.fail(asGatewayError(error, this.#dependencies.log))
    }
  }

  /** The client is gone: aborts all legs and writes no more rows. */
  abort(): void {
    if (this.#response.isDone) return
    this.#stopReading()
    this.#run?.abort()
    this.#response.abandon()
  }

  /**
   * The client asked for an abort: engines are asked to stop, and decode's last output ends the response. `rid`: the
   * client's name for what to abort, this request or one of its prompts; `undefined` for all requests.
   */
  requestAbort(rid: string | undefined): void {
    if (this.#scan !== undefined) (this.#earlyAborts ??= new Set()).add(rid)
    if (this.#request === undefined) return
    const prompt = rid === undefined ? 'all' : promptNamed(this.#request.fields, rid)
    if (prompt === undefined) return
    // A list of one prompt may run as a single request.
    if (prompt !== 'all' && this.#run instanceof FanOut) return this.#run.requestAbort(prompt)
    this.#isAborted = true
    this.#run?.requestAbort()
  }

  /** Fails the attempts that wait for the engine, so that they are repeated on another. */
  giveUpOn(lost: LostEngine): void {
    this.#run?.giveUpOn(lost)
  }

  /** Ends the request with the error; its legs are aborted. */
  fail(error: GatewayError): void {
    this.#stopReading()
    this.#run?.abort()
    this.#response.fail(error)
  }

  /** The client has read data: `bytes` more may be sent. */
  grant(bytes: number): void {
    this.#response.grant(bytes)
  }

  headersToAdd(): FlatHeaders {
    return this.#route?.headers() ?? NO_HEADERS
  }

  /** The engines may have reported that very abort, as a failed KV transfer. What is wrong with the request is still an error. */
  outputInsteadOf({ error }: Failure): AbortedOutput | GatewayError | undefined {
    const isAborted = this.#isAborted || (this.#run instanceof FanOut && this.#run.isAborted)
    if (!isAborted || this.#request === undefined || !isRepeated(error.status)) return undefined
    const aborted = abortedFailure().error
    return abortedOutput(this.#request, aborted.message, Date.now()) ?? aborted
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

  /** Reads a large body in steps, so that other requests go on. */
  #readLater(endpoint: GenerationEndpoint, message: OpenMessage, timed: TimedHeaders): void {
    const { turns, config, fieldOptions } = this.#dependencies
    this.#scan = new BodyScan({
      endpoint,
      body: message.body,
      fieldOptions,
      stepWork: config.limits.stepBytes,
      onFields: fields => this.#begin(fields, endpoint, message, timed),
      onError: error => this.fail(asGatewayError(error, this.#dependencies.log)),
    })
    turns.add(this.#scan)
  }

  #stopReading(): void {
    if (this.#scan !== undefined) this.#dependencies.turns.remove(this.#scan)
    this.#scan = undefined
  }

  #begin(
    fields: RequestFields,
    endpoint: GenerationEndpoint,
    message: OpenMessage,
    timed: TimedHeaders,
  ): void {
    this.#scan = undefined
    const { config, keyHeaders } = this.#dependencies
    checkFields(fields, config.limits)
    const pins = rankPinsOf(fields.ranks, message.headers, config.engines.mode)
    const read = { endpoint, fields, timed, keyHeaders, pins }
    const request = toEngineRequest(message, read, this.#startedMs + this.#totalMs)
    this.#request = request
    const run = this.#createRun(request)
    this.#run = run
    const aborted = message.aborted === 'all' ? [undefined] : message.aborted
    for (const rid of [...aborted, ...(this.#earlyAborts ?? [])]) this.requestAbort(rid)
    const { heartbeatMs } = config.timeouts
    if (fields.isStream && heartbeatMs > 0) this.#response.startHeartbeats(heartbeatMs)
    run.start()
  }

  #createRun(request: EngineRequest): Run {
    const { fields, endpoint } = request
    const dependencies = this.#recording(request)
    const isSingle = fields.batch === undefined && fields.n === 1
    // Choices of a single part need no merging; an item of `/generate` becomes a list.
    const isSinglePart = countParts(fields) === 1 && endpoint !== 'generate'
    if (!isSingle && !isSinglePart) return new FanOut(request, this.#response, dependencies)
    const only = isSingle ? request : partOf(request, 0)
    const needsEditing = EditingHandler.isNeededFor(only.fields)
    const handler = needsEditing ? new EditingHandler(only.fields, this.#response) : this.#response
    return new RetryLoop(only, handler, dependencies)
  }

  /** Has the attempts recorded if the operator wants to see them in the response. */
  #recording(request: EngineRequest): FanOutDependencies {
    const { config, metrics } = this.#dependencies
    if (!config.server.routeHeaders) return this.#dependencies
    this.#route = new RouteRecord(countParts(request.fields) > 1)
    return { ...this.#dependencies, metrics: recordingMetrics(metrics, this.#route) }
  }

  #expire(): void {
    const message = `The request did not complete within ${this.#totalMs / 1000} s`
    this.fail(new GatewayError('deadline-exceeded', message))
  }

  #ageMs(): number {
    return this.#dependencies.nowMs() - this.#startedMs
  }
}

/** Whether client libraries repeat a request that has got this status. SGLang's server in Rust answers an abort with 499. */
function isRepeated(status: number): boolean {
  return status >= 499 || status === 408 || status === 429
}
