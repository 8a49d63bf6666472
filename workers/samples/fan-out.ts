/**
 * Runs a request for n samples as n requests, because PD engines hang on `n` above 1; see `request/sample-count.ts`.
 *
 * Each sample has its own pair, rid, room and retries. The handler receives one merged response.
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
  readonly #handler: AttemptHandler
  readonly #loops: readonly RetryLoop[]
  readonly #streams: SampleStreams
  readonly #bodies: Buffer[] = []
  #remaining: number
  #isStarted = false
  #isDone = false

  constructor(request: EngineRequest, handler: AttemptHandler, dependencies: RetryLoopDependencies) {
    const { n } = request.fields
    this.#request = { ...request, singleSample: true }
    this.#handler = handler
    this.#remaining = n
    this.#streams = new SampleStreams(request.endpoint, n)
    this.#loops = Array.from({ length: n }, (_, sample) => {
      const editing = new EditingHandler(request.fields, this.#handlerOf(sample))
      return new RetryLoop(this.#request, editing, dependencies)
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

  #handlerOf(sample: number): AttemptHandler {
    return {
      onResponse: (head, body) => this.#onResponse(sample, head, body),
      onHead: head => this.#onHead(head),
      onData: bytes => this.#onData(sample, bytes),
      onEnd: () => this.#onEnd(),
      onError: failure => this.#onError(failure),
      onReportedError: failure => this.#onReportedError(failure),
      onStreamError: failure => this.#onError(failure),
    }
  }

  #onResponse(sample: number, head: ResponseHead, body: Uint8Array): void {
    if (this.#isDone) return
    this.#bodies[sample] = asBuffer(body)
    if (--this.#remaining > 0) return
    this.#isDone = true
    this.#handler.onResponse(head, mergeBodies(this.#request.endpoint, this.#bodies))
  }

  #onHead(head: ResponseHead): void {
    if (this.#isDone || this.#isStarted) return
    this.#isStarted = true
    this.#handler.onHead(head)
  }

  #onData(sample: number, bytes: Uint8Array): void {
    if (this.#isDone) return
    const events = this.#streams.edit(bytes, sample)
    if (events.length > 0) this.#handler.onData(events)
  }

  #onEnd(): void {
    if (this.#isDone || --this.#remaining > 0) return
    this.#isDone = true
    this.#handler.onData(this.#streams.end())
    this.#handler.onEnd()
  }

  /** The error of one sample stands in the merged stream, which then breaks off: the others are aborted. */
  #onReportedError(failure: Failure): void {
    if (this.#isDone) return
    this.#handler.onReportedError(failure)
    this.#onError(failure)
  }

  /** A sample failed after its retries. The others are aborted, because the client needs all of them. */
  #onError(failure: Failure): void {
    if (this.#isDone) return
    this.abort()
    if (this.#isStarted) this.#handler.onStreamError(failure)
    else this.#handler.onError(failure)
  }
}
