/**
 * `n` samples as n requests of their own, because PD engines hang on `n` above 1: all copies share one bootstrap room.
 *
 * Each has its own pair, rid, room and retries. To its sink the whole looks like one request.
 */

import type { AttemptHandler, ResponseHead } from '../attempt/plan.ts'
import type { Failure } from '../classify/failure.ts'
import { asBuffer } from '../json/bytes.ts'
import { EditingHandler } from '../response/editing-handler.ts'
import type { EngineRequest } from '../retry/engine-request.ts'
import { RetryLoop, type RetryLoopDependencies } from '../retry/retry-loop.ts'
import { mergeBodies } from './merge-bodies.ts'
import { SampleStreams } from './merge-events.ts'

export class FanOut {
  readonly #request: EngineRequest
  readonly #sink: AttemptHandler
  readonly #loops: readonly RetryLoop[]
  readonly #streams: SampleStreams
  readonly #bodies: Buffer[] = []
  #remaining: number
  #isStarted = false
  #isDone = false

  constructor(request: EngineRequest, sink: AttemptHandler, dependencies: RetryLoopDependencies) {
    const { n } = request.fields
    this.#request = { ...request, singleSample: true }
    this.#sink = sink
    this.#remaining = n
    this.#streams = new SampleStreams(request.endpoint, n)
    this.#loops = Array.from({ length: n }, (_, sample) => {
      const own = new EditingHandler(request.fields, this.#sinkOf(sample))
      return new RetryLoop(this.#request, own, dependencies)
    })
  }

  start(): void {
    for (const loop of this.#loops) {
      if (this.#isDone) return
      loop.start()
    }
  }

  abort(): void {
    this.#isDone = true
    for (const loop of this.#loops) loop.abort()
  }

  requestAbort(): void {
    for (const loop of this.#loops) loop.requestAbort()
  }

  pause(): void {
    for (const loop of this.#loops) loop.pause()
  }

  resume(): void {
    for (const loop of this.#loops) loop.resume()
  }

  #sinkOf(sample: number): AttemptHandler {
    return {
      onResponse: (head, body) => this.#answered(sample, head, body),
      onHead: head => this.#started(head),
      onData: bytes => this.#bytes(sample, bytes),
      onEnd: () => this.#ended(),
      onError: failure => this.#failed(failure),
      onStreamError: failure => this.#failed(failure),
    }
  }

  #answered(sample: number, head: ResponseHead, body: Uint8Array): void {
    if (this.#isDone) return
    this.#bodies[sample] = asBuffer(body)
    if (--this.#remaining > 0) return
    this.#isDone = true
    this.#sink.onResponse(head, mergeBodies(this.#request.endpoint, this.#bodies))
  }

  #started(head: ResponseHead): void {
    if (this.#isDone || this.#isStarted) return
    this.#isStarted = true
    this.#sink.onHead(head)
  }

  #bytes(sample: number, bytes: Uint8Array): void {
    if (this.#isDone) return
    const events = this.#streams.edit(bytes, sample)
    if (events.length > 0) this.#sink.onData(events)
  }

  #ended(): void {
    if (this.#isDone || --this.#remaining > 0) return
    this.#isDone = true
    this.#sink.onData(this.#streams.end())
    this.#sink.onEnd()
  }

  /** One sample is lost for good: the others are of no use to a client that asked for all of them. */
  #failed(failure: Failure): void {
    if (this.#isDone) return
    this.abort()
    if (this.#isStarted) this.#sink.onStreamError(failure)
    else this.#sink.onError(failure)
  }
}
