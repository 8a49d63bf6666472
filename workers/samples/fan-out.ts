/**
 * `n` samples as n requests of their own, because PD engines hang on `n` above 1: all copies share one bootstrap room.
 *
 * Each has its own pair, rid, room and retries. To its sink the whole looks like one request.
 */

import type { AnswerHead, AttemptSink } from '../attempt/plan.ts'
import type { Failure } from '../classify/failure.ts'
import { asBuffer } from '../json/bytes.ts'
import { EditedSink } from '../response/editing-sink.ts'
import { AttemptLoop, type EngineRequest } from '../retry/retry-loop.ts'
import type { RouterContext } from '../retry/router-context.ts'
import { mergeBodies } from './merge-bodies.ts'
import { SampleStreams } from './merge-events.ts'

export class FanOut {
  readonly #request: EngineRequest
  readonly #sink: AttemptSink
  readonly #loops: readonly AttemptLoop[]
  readonly #streams: SampleStreams
  readonly #bodies: Buffer[] = []
  #left: number
  #isStarted = false
  #isOver = false

  constructor(request: EngineRequest, sink: AttemptSink, context: RouterContext) {
    const { n } = request.fields
    this.#request = { ...request, singleSample: true }
    this.#sink = sink
    this.#left = n
    this.#streams = new SampleStreams(request.endpoint, n)
    this.#loops = Array.from({ length: n }, (_, sample) => {
      const own = new EditedSink(request.fields, this.#sinkOf(sample))
      return new AttemptLoop(this.#request, own, context)
    })
  }

  start(): void {
    for (const loop of this.#loops) {
      if (this.#isOver) return
      loop.start()
    }
  }

  abort(): void {
    this.#isOver = true
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

  #sinkOf(sample: number): AttemptSink {
    return {
      answered: (head, body) => this.#answered(sample, head, body),
      started: head => this.#started(head),
      bytes: bytes => this.#bytes(sample, bytes),
      ended: () => this.#ended(),
      failed: failure => this.#failed(failure),
      broke: failure => this.#failed(failure),
    }
  }

  #answered(sample: number, head: AnswerHead, body: Uint8Array): void {
    if (this.#isOver) return
    this.#bodies[sample] = asBuffer(body)
    if (--this.#left > 0) return
    this.#isOver = true
    this.#sink.answered(head, mergeBodies(this.#request.endpoint, this.#bodies))
  }

  #started(head: AnswerHead): void {
    if (this.#isOver || this.#isStarted) return
    this.#isStarted = true
    this.#sink.started(head)
  }

  #bytes(sample: number, bytes: Uint8Array): void {
    if (this.#isOver) return
    const events = this.#streams.edit(bytes, sample)
    if (events.length > 0) this.#sink.bytes(events)
  }

  #ended(): void {
    if (this.#isOver || --this.#left > 0) return
    this.#isOver = true
    this.#sink.bytes(this.#streams.end())
    this.#sink.ended()
  }

  /** One sample is lost for good: the others are of no use to a client that asked for all of them. */
  #failed(failure: Failure): void {
    if (this.#isOver) return
    this.abort()
    if (this.#isStarted) this.#sink.broke(failure)
    else this.#sink.failed(failure)
  }
}
