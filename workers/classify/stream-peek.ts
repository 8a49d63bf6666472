/** Reads the first events of a decode stream until one of them shows whether the stream is good. */
import type { Dialect } from '../dialects/dialect.ts'
import type { ReportedFailure } from '../dialects/error-inside-200.ts'
import type { CachedPrompt, ResponseSummary } from '../dialects/response-summary.ts'
import { eventsIn, type ServerSentEvent } from '../sse/events.ts'
import { classifyEvent } from './event.ts'
import type { Failure } from './failure.ts'
import { inStreamFailure } from './reported-failure.ts'

export class StreamPeek {
  readonly #dialect: Dialect
  #isSettled = false
  #failure: Failure | undefined
  #isPlainAbort = false
  #promptTokens: number | undefined
  #cached: CachedPrompt | undefined
  #tokenlessEnd: ResponseSummary | undefined

  constructor(dialect: Dialect) {
    this.#dialect = dialect
  }

  /** Set if the stream has ended at a length of at most one without a token, which prefill may have. */
  get tokenlessEnd(): ResponseSummary | undefined {
    return this.#tokenlessEnd
  }

  /** Whether a token, another finish or a failure was seen. Later events are not read. */
  get isSettled(): boolean {
    return this.#isSettled
  }

  get failure(): Failure | undefined {
    return this.#failure
  }

  /** Whether the failure is an abort without a status, by which engines end what a client has aborted (SGLang 0.5.23). */
  get isPlainAbort(): boolean {
    return this.#isPlainAbort
  }

  /** What the first good event says of the prompt or, if that says nothing, an event before it. */
  get summary(): ResponseSummary {
    return { promptTokens: this.#promptTokens, cached: this.#cached, hasToken: true }
  }

  /** `block` is a run of whole events. */
  push(block: Uint8Array): void {
    for (const event of eventsIn(block)) {
      if (this.#isSettled) return
      this.#classify(event)
      if (this.#dialect.isEnd(event)) return
    }
  }

  #classify(event: ServerSentEvent): void {
    const classification = classifyEvent(this.#dialect, event)
    if (classification.kind !== 'failure') this.#cached = classification.cached ?? this.#cached
    if (classification.kind === 'neutral') {
      this.#promptTokens ??= classification.promptTokens
      return
    }
    if (classification.kind === 'good' && classification.tokenlessEnd === 'length') {
      this.#tokenlessEnd = classification
      return
    }
    this.#isSettled = true
    if (classification.kind === 'good') this.#promptTokens = classification.promptTokens ?? this.#promptTokens
    else this.#fail(classification)
  }

  #fail(reported: ReportedFailure): void {
    this.#failure = inStreamFailure('decode', reported, this.#dialect)
    this.#isPlainAbort = reported.what === 'abort' && reported.status === undefined
  }
}
