/**
 * The last handler of a response on its way to the client: writes the rows of one exchange to the front end, and pauses
 * the engine's stream while the client has no credit.
 */
import { GatewayError } from '../src/core/errors.ts'
import { type ErrorDialect, errorDialectOf } from '../src/error-response/error-dialect.ts'
import { toErrorEvent, toErrorResponse } from '../src/error-response/error-response.ts'
import type { BatchSender } from '../src/messages/channel.ts'
import { CreditBalance } from '../src/messages/credit.ts'
import type { FlatHeaders, OpenMessage, WholeResponse } from '../src/messages/types.ts'
import type { RequestOutcome } from '../src/telemetry/metric-catalogue.ts'
import { outcomeOf } from './attempt/metrics.ts'
import type { AttemptHandler, ResponseHead } from './attempt/plan.ts'
import type { Failure } from './classify/failure.ts'
import { endToEnd } from './response/end-to-end.ts'
import { type AbortedOutput, EVENT_STREAM } from './samples/aborted-output.ts'

const NO_BYTES = new Uint8Array(0)

/** The request whose response is sent. */
export interface ResponseOwner {
  /** Headers to add to the response, names and values in turn. */
  headersToAdd(): FlatHeaders
  /** The head of a stream is about to be sent. */
  onCommit(): void
  /** The client's credit is spent: the engine's stream must pause. */
  pause(): void
  /** The client has credit again. */
  resume(): void
  /**
   * What the client gets instead of the error of a request that failed before anything was sent: an output, or another
   * error, if it has aborted the request; `undefined` if it has not.
   */
  outputInsteadOf(failure: Failure): AbortedOutput | GatewayError | undefined
  /** The response is complete or abandoned. Called exactly once. */
  onDone(outcome: RequestOutcome): void
}

/** A comment, which every reader of server-sent events ignores (WHATWG HTML section 9.2.6). */
const HEARTBEAT = Buffer.from(': waiting for the first token\n\n')

export class ResponseSender implements AttemptHandler {
  readonly #id: number
  readonly #sender: BatchSender
  readonly #owner: ResponseOwner
  readonly #errorDialect: ErrorDialect
  readonly #credit: CreditBalance
  /** Whether the client has been sent a head, by a heartbeat or with the first token. */
  #isStarted = false
  #heartbeats: NodeJS.Timeout | undefined
  /** The engine has written an error into the stream: the client needs no second one. */
  #hasReportedError = false
  #isPaused = false
  #isDone = false

  constructor({ id, endpoint, creditBytes }: OpenMessage, sender: BatchSender, owner: ResponseOwner) {
    this.#id = id
    this.#sender = sender
    this.#owner = owner
    this.#errorDialect = errorDialectOf(endpoint)
    this.#credit = new CreditBalance(creditBytes)
  }

  get isDone(): boolean {
    return this.#isDone
  }

  /**
   * Sends a comment every `intervalMs` until the first token, the first one with the head of a stream. From then on failures
   * can only be reported within the stream.
   */
  startHeartbeats(intervalMs: number): void {
    this.#heartbeats = setInterval(() => {
      if (!this.#isStarted) this.#sender.head(this.#id, 200, EVENT_STREAM)
      this.#isStarted = true
      this.onData(HEARTBEAT)
    }, intervalMs)
  }

  onResponse(head: ResponseHead, body: Uint8Array): void {
    if (this.#isStarted) return this.#endAsEvent(body)
    this.#sender.response(this.#id, { status: head.status, headers: this.#toClient(head.headers), body })
    this.#finish('ok')
  }

  onHead({ status, headers }: ResponseHead): void {
    clearInterval(this.#heartbeats)
    this.#owner.onCommit()
    if (!this.#isStarted) this.#sender.head(this.#id, status, this.#toClient(headers))
    this.#isStarted = true
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
    const output = this.#owner.outputInsteadOf(failure)
    if (output === undefined) return this.fail(failure.error)
    if (output instanceof GatewayError) return this.fail(output, 'aborted')
    if (this.#isStarted) {
      this.#sender.data(this.#id, output.body)
      this.#sender.end(this.#id)
    } else {
      const { headers, body } = output
      this.#sender.response(this.#id, { status: 200, headers: this.#withAdded(headers), body })
    }
    this.#finish('aborted')
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
      this.#sender.broken(
        this.#id,
        this.#hasReportedError ? NO_BYTES : toErrorEvent(error, this.#errorDialect),
      )
    else {
      const response = toErrorResponse(error, this.#errorDialect)
      this.#sender.response(this.#id, { ...response, headers: this.#withAdded(response.headers) })
    }
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

  #toClient(headers: FlatHeaders): FlatHeaders {
    return this.#withAdded(endToEnd(headers))
  }

  #withAdded(headers: FlatHeaders): FlatHeaders {
    const added = this.#owner.headersToAdd()
    return added.length === 0 ? headers : [...headers, ...added]
  }

  /** Ends a stream of heartbeats with a response that is not a stream, such as an engine's refusal: its JSON on one line. */
  #endAsEvent(body: Uint8Array): void {
    const line = Buffer.from(body)
      .toString()
      .replaceAll(/[\r\n]+/g, ' ')
    this.#sender.data(this.#id, Buffer.from(`data: ${line}\n\n${this.#errorDialect.done}`))
    this.#sender.end(this.#id)
    this.#finish('ok')
  }

  #finish(outcome: RequestOutcome): void {
    clearInterval(this.#heartbeats)
    this.#isDone = true
    this.#owner.onDone(outcome)
  }
}

/** A response with a JSON body that the gateway has composed itself. */
export function jsonResponse(status: number, body: string): WholeResponse {
  return { status, headers: ['content-type', 'application/json'], body: Buffer.from(body) }
}
