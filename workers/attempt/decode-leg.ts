/**
 * Decode's side of an attempt: the answer that the client gets.
 *
 * A stream is held back until an event shows that it is good; then it is passed on in whole events as they come.
 * Anything else (a body, an error) is collected whole.
 */
import type { FlatHeaders } from '../../src/messages/types.ts'
import { type Failure, inStreamFailure, statusFailure, transportFailure } from '../classify/failure.ts'
import { findInStreamFailure, type InStreamFailure } from '../classify/in-stream-failure.ts'
import { classifyResponse } from '../classify/response.ts'
import type { ResponseSummary } from '../classify/response-summary.ts'
import { StreamPeek } from '../classify/stream-peek.ts'
import { EventFramer } from '../sse/event-framer.ts'
import { ResponseBody } from '../upstream/response-body.ts'
import type { ResponseHandler, TransportError } from '../upstream/types.ts'

export interface DecodeEvents {
  /** The held events show a token or a finish. */
  onDecodeReady(promptTokens: number | undefined): void
  onDecodeComplete(answer: ResponseSummary, isTerminated: boolean): void
  onDecodeError(failure: Failure): void
  /** One prompt of a batch has ended by an abort, which goes through as the engine wrote it. Told once. */
  onDecodePromptError(failure: Failure): void
  /** An error status has come, its body has not yet. */
  onDecodeErrorHead(): void
  /** The head of a whole answer has come, or a part of its body: engines send the two together, the rest is due. */
  onDecodeBody(): void
  /** Whole events after the commit. Valid during the call only. */
  onDecodeData(bytes: Uint8Array): void
}

/** In bytes. */
export interface DecodeLimits {
  /** Of a body, or of a stream before its first token. */
  readonly held: number
  /** Of one event after the first token. */
  readonly event: number
}

const NO_ANSWER: ResponseSummary = { promptTokens: undefined, hasToken: false }
/** The client's own abort: whatever was made until then is what it gets, be it nothing. */
const CUT_SHORT: ResponseSummary = { promptTokens: undefined, hasToken: true }

export class DecodeLeg implements ResponseHandler {
  /** What is held: a body, or the events before the commit. */
  readonly body: ResponseBody
  readonly #events: DecodeEvents
  readonly #limits: DecodeLimits
  readonly #isBatch: boolean
  readonly #framer = new EventFramer()
  #peek: StreamPeek | undefined
  #isCommitted = false
  #hasLostPrompt = false
  isOpen = true
  /** The client has asked for the abort that the engine will tell of: it is part of the answer. */
  isAbortRequested = false
  /** Set when the attempt is over and only waits for decode's first sign, to abort it then. */
  onFirstSign: (() => void) | undefined

  /** `isBatch`: see `AttemptPlan`. */
  constructor(limits: DecodeLimits, events: DecodeEvents, isBatch = false) {
    this.#events = events
    this.#isBatch = isBatch
    this.#limits = limits
    this.body = new ResponseBody(limits.held)
  }

  onHead(status: number, headers: FlatHeaders): void {
    this.body.start(status, headers)
    if (this.body.isError) this.#events.onDecodeErrorHead()
    else if (this.body.isEventStream) this.#peek = new StreamPeek()
    else this.#events.onDecodeBody()
  }

  onData(bytes: Uint8Array): void {
    if (!this.isOpen) return
    if (this.onFirstSign !== undefined) return this.onFirstSign()
    if (this.#peek === undefined) return this.#holdPart(bytes)
    const events = this.#framer.push(bytes)
    if (events.length > 0) this.#take(this.#peek, events)
    if (this.isOpen && this.#framer.heldBytes > 0) this.#boundEvent()
  }

  onEnd(): void {
    if (!this.isOpen) return
    if (this.onFirstSign !== undefined) return this.onFirstSign()
    if (this.#peek !== undefined) return this.#endStream(this.#peek)
    this.isOpen = false
    if (this.body.isError) return this.#events.onDecodeError(this.errorResponse())
    const classified = classifyResponse('decode', this.body)
    if (!('error' in classified)) this.#events.onDecodeComplete(classified, true)
    else if (this.isAbortRequested && classified.cause === 'abort')
      this.#events.onDecodeComplete(CUT_SHORT, true)
    else this.#events.onDecodeError(classified)
  }

  onError(failure: TransportError): void {
    this.#close(this.body.isError ? this.errorResponse() : transportFailure('decode', failure))
  }

  /** From now on events go out as they come. The caller has taken what was held. */
  commit(): void {
    this.#isCommitted = true
  }

  /** The failure that an error status means, with as much of the body as has come. */
  errorResponse(): Failure {
    return statusFailure('decode', this.body.status, this.body.joined(), this.body.header('retry-after'))
  }

  #take(peek: StreamPeek, events: Uint8Array): void {
    const found = this.isAbortRequested ? undefined : this.#findEnd(events)
    if (this.#isCommitted) this.#events.onDecodeData(found === undefined ? events : found.before)
    else this.#hold(events)
    if (found !== undefined) this.#close(found.failure)
    else if (this.isOpen && !this.#isCommitted && !peek.isSettled) this.#peekInto(peek, events)
  }

  /** A failure that is the end of the stream. */
  #findEnd(events: Uint8Array): InStreamFailure | undefined {
    const found = findInStreamFailure(events)
    if (found?.failure.cause !== 'abort' || !this.#isBatch || !this.#isCommitted) return found
    if (!this.#hasLostPrompt) this.#events.onDecodePromptError(found.failure)
    this.#hasLostPrompt = true
    return undefined
  }

  #holdPart(bytes: Uint8Array): void {
    this.#hold(bytes)
    if (this.isOpen && !this.body.isError) this.#events.onDecodeBody()
  }

  #hold(bytes: Uint8Array): void {
    if (!this.body.add(bytes)) this.#closeTooLong('too much before a token')
  }

  /** An event that does not end would be held for ever: whatever is held of it counts. */
  #boundEvent(): void {
    const { heldBytes } = this.#framer
    const { held, event } = this.#limits
    if (this.#isCommitted && heldBytes > event) this.#closeTooLong(`an event of more than ${event} bytes`)
    if (!this.#isCommitted && this.body.length + heldBytes > held)
      this.#closeTooLong('too much before a token')
  }

  #closeTooLong(what: string): void {
    this.#close(inStreamFailure('decode', 'protocol', `The decode engine sent ${what}.`, undefined))
  }

  #peekInto(peek: StreamPeek, events: Uint8Array): void {
    peek.push(events)
    if (peek.failure !== undefined) this.#close(peek.failure)
    else if (peek.isSettled) this.#events.onDecodeReady(peek.promptTokens)
  }

  #endStream(peek: StreamPeek): void {
    this.isOpen = false
    const rest = this.#framer.rest()
    const isTerminated = this.#framer.isDone || this.#framer.isRestDone
    if (this.#framer.isRestDone && this.#isCommitted) this.#events.onDecodeData(rest)
    else if (this.#framer.isRestDone) this.body.add(rest)
    this.#events.onDecodeComplete(peek.isSettled ? { ...NO_ANSWER, hasToken: true } : NO_ANSWER, isTerminated)
  }

  #close(failure: Failure): void {
    if (!this.isOpen) return
    if (this.onFirstSign !== undefined) return this.onFirstSign()
    this.isOpen = false
    this.#events.onDecodeError(failure)
  }
}
