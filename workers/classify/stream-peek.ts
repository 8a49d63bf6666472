/** Looks into the first events of a stream until one of them shows whether it is good. */

import { eventsIn, isDoneData } from '../sse/events.ts'
import { type Failure, inStreamFailure } from './failure.ts'
import { classifyPayload } from './payload.ts'

export class StreamPeek {
  #isSettled = false
  #failure: Failure | undefined
  #promptTokens: number | undefined

  /** A token or a finish was seen, or a failure: there is nothing more to look for. */
  get isSettled(): boolean {
    return this.#isSettled
  }

  get failure(): Failure | undefined {
    return this.#failure
  }

  /** As the first good event tells it. */
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
    this.#isSettled = true
    if (classification.kind === 'good') this.#promptTokens = classification.promptTokens
    else
      this.#failure = inStreamFailure(
        'decode',
        classification.what,
        classification.message,
        classification.status,
      )
  }
}
