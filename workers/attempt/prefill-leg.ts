/**
 * Prefill's side of an attempt: its answer is consumed beside decode's and judged when it is whole.
 *
 * It is never passed on as it comes: the client sees it only where its logprobs are merged, or where decode had
 * nothing to say.
 */
import type { FlatHeaders } from '../../src/messages/types.ts'
import { type Failure, inStreamFailure, statusFailure, transportFailure } from '../classify/failure.ts'
import { judgeAnswer } from '../classify/response.ts'
import type { Answered } from '../classify/response-summary.ts'
import { LegBody } from '../upstream/response-body.ts'
import type { LegFailure, LegHandler } from '../upstream/types.ts'

export interface PrefillEvents {
  prefillAnswered(answer: Answered): void
  prefillFailed(failure: Failure): void
  /** An error status has come, its body has not yet. */
  prefillRefused(): void
}

export class PrefillLeg implements LegHandler {
  readonly body: LegBody
  readonly #events: PrefillEvents
  isOpen = true

  constructor(limitBytes: number, events: PrefillEvents) {
    this.#events = events
    this.body = new LegBody(limitBytes)
  }

  onHead(status: number, headers: FlatHeaders): void {
    this.body.start(status, headers)
    if (this.body.isError) this.#events.prefillRefused()
  }

  onData(bytes: Uint8Array): void {
    if (!this.isOpen || this.body.add(bytes)) return
    this.isOpen = false
    this.#events.prefillFailed(
      inStreamFailure('prefill', 'protocol', 'The prefill engine sent too much.', undefined),
    )
  }

  onEnd(): void {
    if (!this.isOpen) return
    this.isOpen = false
    if (this.body.isError) return this.#events.prefillFailed(this.refusal())
    const verdict = judgeAnswer('prefill', this.body)
    if ('error' in verdict) this.#events.prefillFailed(verdict)
    else this.#events.prefillAnswered(verdict)
  }

  onFail(failure: LegFailure): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.#events.prefillFailed(this.body.isError ? this.refusal() : transportFailure('prefill', failure))
  }

  /** The failure that an error status means, with as much of the body as has come. */
  refusal(): Failure {
    return statusFailure('prefill', this.body.status, this.body.joined(), this.body.header('retry-after'))
  }
}
