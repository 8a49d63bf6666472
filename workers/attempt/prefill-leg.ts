/**
 * Prefill's half of an attempt: its response is collected while decode generates, and classified when it is complete.
 *
 * It is never streamed to the client, who gets it only where its logprobs are merged or where decode sent no token.
 */
import type { FlatHeaders } from '../../src/messages/types.ts'
import { codingFailure } from '../classify/content-coding.ts'
import type { Failure } from '../classify/failure.ts'
import { tooLargeFailure, transportFailure } from '../classify/observed-failure.ts'
import type { ResponseSummary } from '../dialects/response-summary.ts'
import { ResponseBody } from '../upstream/response-body.ts'
import type { ResponseHandler, TransportError } from '../upstream/types.ts'
import { classifyComplete, errorStatusFailure, type LegReader } from './leg-response.ts'

export interface PrefillEvents {
  onPrefillComplete(summary: ResponseSummary): void
  onPrefillError(failure: Failure): void
  /** A head with an error status has arrived. Its body follows. */
  onErrorHead(leg: 'prefill'): void
}

export class PrefillLeg implements ResponseHandler {
  readonly body: ResponseBody
  readonly #events: PrefillEvents
  readonly #limitBytes: number
  readonly #reader: LegReader
  /** Cleared when the leg or the attempt is over: later calls are ignored. */
  isOpen = true

  constructor(limitBytes: number, events: PrefillEvents, reader: LegReader) {
    this.#events = events
    this.#limitBytes = limitBytes
    this.#reader = reader
    this.body = new ResponseBody(limitBytes, reader.bodies)
  }

  onHead(status: number, headers: FlatHeaders): void {
    this.body.start(status, headers)
    const failure = codingFailure('prefill', this.body)
    if (failure !== undefined) this.fail(failure)
    else if (this.body.isError) this.#events.onErrorHead('prefill')
  }

  onData(bytes: Uint8Array): void {
    if (!this.isOpen || this.body.add(bytes)) return
    const message = `The prefill engine sent a response of more than ${this.#limitBytes} bytes (limits.responseBytes)`
    this.fail(tooLargeFailure('prefill', message))
  }

  onEnd(): void {
    if (!this.isOpen) return
    if (!this.body.isError)
      return classifyComplete('prefill', this.body, this.#reader, found => this.#onClassified(found))
    this.isOpen = false
    this.#events.onPrefillError(this.errorResponse())
  }

  #onClassified(classified: ResponseSummary | Failure): void {
    if (!this.isOpen) return
    this.isOpen = false
    if ('error' in classified) this.#events.onPrefillError(classified)
    else this.#events.onPrefillComplete(classified)
  }

  onError(error: TransportError): void {
    this.fail(this.body.isError ? this.errorResponse() : transportFailure('prefill', error))
  }

  /** Ends the leg. Does nothing when it is over. */
  fail(failure: Failure): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.#events.onPrefillError(failure)
  }

  /** The failure that an error status stands for, with as much of its body as has arrived. */
  errorResponse(): Failure {
    return errorStatusFailure('prefill', this.body, this.#reader.dialect)
  }
}
