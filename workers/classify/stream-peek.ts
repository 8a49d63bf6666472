/** Reads the first events of a decode stream until one of them shows whether the stream is good. */
import { eventsIn, isDoneData } from '../sse/events.ts'
import { classifyPayload } from './error-inside-200.ts'
import type { Failure } from './failure.ts'
import { inStreamFailure } from './reported-failure.ts'
import type { ResponseSummary } from './response-summary.ts'

export class StreamPeek {
  #isSettled = false
  #failure: Failure | undefined
  #promptTokens: number | undefined
  #tokenlessEnd: ResponseSummary | undefined

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

  /** The count that the first good event names, if any. */
  get promptTokens(): number | undefined {
    return this.#promptTokens
  }

  /** `block` is a run of whole events. */
  push(block: Uint8Array): void {
    for (const { data } of eventsIn(block)) {
      if (this.#isSettled) return
      if (data.length > 0 && !isDoneData(data)) this.#classify(data)
    }
  }

  #classify(data: Buffer): void {
    const classification = classifyPayload(data.toString('utf8'))
    if (classification.kind === 'neutral') return
    if (classification.kind === 'good' && classification.tokenlessEnd === 'length') {
      this.#tokenlessEnd = classification
      return
    }
    this.#isSettled = true
    if (classification.kind === 'good') this.#promptTokens = classification.promptTokens
    else this.#failure = inStreamFailure('decode', classification)
  }
}
