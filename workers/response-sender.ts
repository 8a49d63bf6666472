/**
 * The last handler of a response on its way to the client: writes the rows of one exchange to the front end, and pauses
 * the engine's stream while the client has no credit.
 */
import { toErrorEvent, toErrorResponse } from '../src/core/error-response.ts'
import type { GatewayError } from '../src/core/errors.ts'
import type { BatchSender } from '../src/messages/channel.ts'
import { CreditBalance } from '../src/messages/credit.ts'
import type { OpenMessage, WholeResponse } from '../src/messages/types.ts'
import type { RequestOutcome } from '../src/telemetry/metric-catalogue.ts'
import { outcomeOf } from './attempt/metrics.ts'
import type { AttemptHandler, ResponseHead } from './attempt/plan.ts'
import type { Failure } from './classify/failure.ts'
import { endToEnd } from './upstream/end-to-end.ts'

const NO_BYTES = new Uint8Array(0)

/** The request whose response is sent. */
export interface ResponseOwner {
  /** The head of a stream is about to be sent. */
  onCommit(): void
  /** The client's credit is spent: the engine's stream must pause. */
  pause(): void
  /** The client has credit again. */
  resume(): void
  /** The response is complete or abandoned. Called exactly once. */
  onDone(outcome: RequestOutcome): void
}

export class ResponseSender implements AttemptHandler {
  readonly #id: number
  readonly #sender: BatchSender
  readonly #owner: ResponseOwner
  readonly #credit: CreditBalance
  #isStarted = false
  /** The engine has written an error into the stream: the client needs no second one. */
  #hasReportedError = false
  #isPaused = false
  #isDone = false

  constructor({ id, creditBytes }: OpenMessage, sender: BatchSender, owner: ResponseOwner) {
    this.#id = id
    this.#sender = sender
    this.#owner = owner
    this.#credit = new CreditBalance(creditBytes)
  }

  get isDone(): boolean {
    return this.#isDone
  }

  onResponse(head: ResponseHead, body: Uint8Array): void {
    this.#sender.response(this.#id, { status: head.status, headers: endToEnd(head.headers), body })
    this.#finish('ok')
  }

  onHead({ status, headers }: ResponseHead): void {
    this.#isStarted = true
    this.#owner.onCommit()
    this.#sender.head(this.#id, status, endToEnd(headers))
  }

  /** `bytes` is copied during the call. */
  onData(bytes: Uint8Array): void {
    this.#sender.data(this.#id, bytes)
    this.#credit.spend(bytes.length)
    if (this.#isPaused || !this.#credit.isSpent) return
    this.#isPaused = true
    this.#owner.pause()
  }

  onEnd(): void {
    this.#sender.end(this.#id)
    this.#finish(this.#hasReportedError ? 'broken' : 'ok')
  }

  onError(failure: Failure): void {
    this.fail(failure.error)
  }

  onReportedError(): void {
    this.#hasReportedError = true
  }

  onStreamError(failure: Failure): void {
    this.fail(failure.error, 'broken')
  }

  /** Sends the error as a whole response or, if a stream has started, as the event with which the stream breaks off. */
  fail(error: GatewayError, outcome = outcomeOf(error)): void {
    if (this.#isDone) return
    if (this.#isStarted)
      this.#sender.broken(this.#id, this.#hasReportedError ? NO_BYTES : toErrorEvent(error))
    else this.#sender.response(this.#id, toErrorResponse(error))
    this.#finish(outcome)
  }

  /** The client is gone: no more rows are written. */
  abandon(): void {
    if (!this.#isDone) this.#finish('aborted')
  }

  /** The client has read data: `bytes` more may be sent. */
  grant(bytes: number): void {
    this.#credit.grant(bytes)
    if (!this.#isPaused || this.#credit.isSpent) return
    this.#isPaused = false
    this.#owner.resume()
  }

  #finish(outcome: RequestOutcome): void {
    this.#isDone = true
    this.#owner.onDone(outcome)
  }
}

/** A response with a JSON body that the gateway has composed itself. */
export function jsonResponse(status: number, body: string): WholeResponse {
  return { status, headers: ['content-type', 'application/json'], body: Buffer.from(body) }
}
