/**
 * Prefill's side of an attempt: its answer is consumed beside decode's and judged when it is whole.
 *
 * It is never passed on as it comes: the client sees it only where its logprobs are merged, or where decode had
 * nothing to say.
 */
import type { FlatHeaders } from '../../src/messages/types.ts'
import { type Failure, inStreamFailure, statusFailure, transportFailure } from '../classify/failure.ts'
import { classifyResponse } from '../classify/response.ts'
import type { ResponseSummary } from '../classify/response-summary.ts'
import { ResponseBody } from '../upstream/response-body.ts'
import type { ResponseHandler, TransportError } from '../upstream/types.ts'

export interface PrefillEvents {
  onPrefillComplete(answer: ResponseSummary): void
  onPrefillError(failure: Failure): void
  /** An error status has come, its body has not yet. */
  onPrefillErrorHead(): void
}

export class PrefillLeg implements ResponseHandler {
  readonly body: ResponseBody
  readonly #events: PrefillEvents
  isOpen = true

  constructor(limitBytes: number, events: PrefillEvents) {
    this.#events = events
    this.body = new ResponseBody(limitBytes)
  }

  onHead(status: number, headers: FlatHeaders): void {
    this.body.start(status, headers)
    if (this.body.isError) this.#events.onPrefillErrorHead()
  }

  onData(bytes: Uint8Array): void {
    if (!this.isOpen || this.body.add(bytes)) return
    this.isOpen = false
    this.#events.onPrefillError(
      inStreamFailure('prefill', 'protocol', 'The prefill engine sent too much.', undefined),
    )
  }

  onEnd(): void {
    if (!this.isOpen) return
    this.isOpen = false
    if (this.body.isError) return this.#events.onPrefillError(this.errorResponse())
    const classified = classifyResponse('prefill', this.body)
    if ('error' in classified) this.#events.onPrefillError(classified)
    else this.#events.onPrefillComplete(classified)
  }

  onError(failure: TransportError): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.#events.onPrefillError(
      this.body.isError ? this.errorResponse() : transportFailure('prefill', failure),
    )
  }

  /** The failure that an error status means, with as much of the body as has come. */
  errorResponse(): Failure {
    return statusFailure('prefill', this.body.status, this.body.joined(), this.body.header('retry-after'))
  }
}
