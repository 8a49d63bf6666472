/**
 * Decode's half of an attempt: the response that the client gets.
 *
 * A stream is held until an event shows that it is good; then it is forwarded in whole events as they arrive. Anything
 * else (a body, an error) is collected to its end.
 */
import type { FlatHeaders } from '../../src/messages/types.ts'
import { codingFailure } from '../classify/content-coding.ts'
import type { Failure } from '../classify/failure.ts'
import { nothingFailure, tooLargeFailure, transportFailure } from '../classify/observed-failure.ts'
import { protocolFailure } from '../classify/reported-failure.ts'
import { cachedIn } from '../classify/stream-cached.ts'
import { StreamPeek } from '../classify/stream-peek.ts'
import { findSigns } from '../classify/stream-signs.ts'
import type { CachedPrompt, ResponseSummary } from '../dialects/response-summary.ts'
import { EventFramer } from '../sse/event-framer.ts'
import { ResponseBody } from '../upstream/response-body.ts'
import type { ResponseHandler, TransportError } from '../upstream/types.ts'
import type { DecodeLimits } from './decode-limits.ts'
import { classifyComplete, errorStatusFailure, type LegReader } from './leg-response.ts'

export interface DecodeEvents {
  /** The held events show a token or a finish. */
  onDecodeReady(summary: ResponseSummary): void
  /** The engine has said after the first token how much of the prompt it had cached. Called at most once. */
  onDecodeCached(cached: CachedPrompt): void
  onDecodeComplete(summary: ResponseSummary, isTerminated: boolean): void
  onDecodeError(failure: Failure): void
  /** One prompt of a batch ended with an abort, which is forwarded as the engine wrote it. Called at most once. */
  onDecodePromptError(failure: Failure): void
  /** The engine reports a failure after the commit. It is forwarded, and so is what follows. Called at most once. */
  onDecodeReportedError(failure: Failure): void
  /** A head with an error status has arrived. Its body follows. */
  onErrorHead(leg: 'decode'): void
  /**
   * The head of an unstreamed response has arrived, or a part of its body: the rest must follow without a pause.
   * `isBlank`: the part is nothing but white space, by which a server keeps a connection alive.
   */
  onDecodeBody(isBlank: boolean): void
  /** Whole events after the commit. The bytes are valid during the call only. */
  onDecodeData(bytes: Uint8Array): void
}

export interface DecodeLegOptions extends LegReader {
  /** See `AttemptPlan`. */
  readonly isBatch?: boolean
  /** Whether to look in all of a stream, not in its beginning only, for how much of the prompt was cached. */
  readonly awaitsCached?: boolean
}

const SPACE = 0x20
const NO_TOKEN: ResponseSummary = { promptTokens: undefined, hasToken: false }
const HAS_TOKEN: ResponseSummary = { promptTokens: undefined, hasToken: true }
/** The client aborted the request itself: it gets what was generated until then, even if that is nothing. */
const ABORTED_BY_CLIENT = HAS_TOKEN

export class DecodeLeg implements ResponseHandler {
  /** The held bytes: a body, or the events before the commit. */
  readonly body: ResponseBody
  readonly #events: DecodeEvents
  readonly #limits: DecodeLimits
  readonly #isBatch: boolean
  readonly #reader: LegReader
  readonly #framer = new EventFramer()
  #peek: StreamPeek | undefined
  #isCommitted = false
  #awaitsCached: boolean
  #hasLostPrompt = false
  #hasReportedError = false
  /** Cleared when the leg or the attempt is over: later calls are ignored. */
  isOpen = true
  /** The client asked for an abort, so the abort that the engine reports is part of the response. */
  isAbortRequested = false
  /** Set when the attempt is over and only waits for decode's first item in order to abort it. */
  onFirstItem: (() => void) | undefined

  constructor(limits: DecodeLimits, events: DecodeEvents, options: DecodeLegOptions) {
    this.#events = events
    this.#isBatch = options.isBatch ?? false
    this.#awaitsCached = options.awaitsCached ?? false
    this.#reader = options
    this.#limits = limits
    this.body = new ResponseBody(limits.held, options.bodies)
  }

  onHead(status: number, headers: FlatHeaders): void {
    this.body.start(status, headers)
    const failure = codingFailure('decode', this.body)
    if (failure !== undefined) this.fail(failure)
    else if (this.body.isError) this.#events.onErrorHead('decode')
    else if (this.body.isEventStream) this.#peek = new StreamPeek(this.#reader.dialect)
    else this.#events.onDecodeBody(false)
  }

  onData(bytes: Uint8Array): void {
    if (!this.isOpen) return
    if (this.onFirstItem !== undefined) return this.onFirstItem()
    if (this.#peek === undefined) return this.#collect(bytes)
    const events = this.#framer.push(bytes)
    if (events.length > 0) this.#onEvents(this.#peek, events)
    if (this.isOpen && this.#framer.heldBytes > 0) this.#checkEventSize()
  }

  onEnd(): void {
    if (!this.isOpen) return
    if (this.onFirstItem !== undefined) return this.onFirstItem()
    if (this.#peek !== undefined) return this.#endStream(this.#peek)
    if (!this.body.isError)
      return classifyComplete('decode', this.body, this.#reader, found => this.#onClassified(found))
    this.isOpen = false
    this.#events.onDecodeError(this.errorResponse())
  }

  #onClassified(classified: ResponseSummary | Failure): void {
    if (!this.isOpen) return
    this.isOpen = false
    if (!('error' in classified)) this.#events.onDecodeComplete(classified, true)
    else if (this.isAbortRequested && classified.cause === 'abort')
      this.#events.onDecodeComplete(ABORTED_BY_CLIENT, true)
    else this.#events.onDecodeError(classified)
  }

  onError(error: TransportError): void {
    this.fail(this.body.isError ? this.errorResponse() : transportFailure('decode', error))
  }

  /** From now on events are forwarded as they arrive. The caller takes what was held from `body`. */
  commit(): void {
    this.#isCommitted = true
  }

  /** Ends the leg. Does nothing when it is over. */
  fail(failure: Failure): void {
    if (!this.isOpen) return
    if (this.onFirstItem !== undefined) return this.onFirstItem()
    this.isOpen = false
    this.#events.onDecodeError(failure)
  }

  /** The failure that an error status stands for, with as much of its body as has arrived. */
  errorResponse(): Failure {
    return errorStatusFailure('decode', this.body, this.#reader.dialect)
  }

  #onEvents(peek: StreamPeek, block: Uint8Array): void {
    const signs = findSigns(block, this.#reader.dialect)
    const events = signs?.events ?? block
    this.#pass(peek, events, this.isAbortRequested ? undefined : signs?.failure)
    if (signs?.isDone === true && this.isOpen) this.#complete(peek, true)
  }

  #pass(peek: StreamPeek, events: Uint8Array, failure: Failure | undefined): void {
    if (this.#isCommitted) this.#relay(events, failure)
    else this.#holdEvents(peek, events, failure)
    if (this.#awaitsCached && this.isOpen) this.#findCached(events)
  }

  /** After the commit a failure that the engine reports is charged, and forwarded like any other event. */
  #relay(events: Uint8Array, failure: Failure | undefined): void {
    const isOfPrompt = this.#isBatch && failure?.cause === 'abort'
    if (isOfPrompt && !this.#hasLostPrompt) this.#events.onDecodePromptError(failure)
    this.#hasLostPrompt ||= isOfPrompt
    this.#events.onDecodeData(events)
    if (failure === undefined || isOfPrompt || this.#hasReportedError || !this.isOpen) return
    this.#hasReportedError = true
    this.#events.onDecodeReportedError(failure)
  }

  #holdEvents(peek: StreamPeek, events: Uint8Array, failure: Failure | undefined): void {
    this.#hold(events)
    if (failure !== undefined) this.fail(failure)
    else if (this.isOpen && !peek.isSettled) this.#peekInto(peek, events)
  }

  #findCached(events: Uint8Array): void {
    const cached = cachedIn(events, this.#reader.dialect)
    if (cached === undefined) return
    this.#awaitsCached = false
    this.#events.onDecodeCached(cached)
  }

  #collect(bytes: Uint8Array): void {
    this.#hold(bytes)
    if (this.isOpen && !this.body.isError) this.#events.onDecodeBody(bytes.every(byte => byte <= SPACE))
  }

  #hold(bytes: Uint8Array): void {
    if (this.body.add(bytes)) return
    const message = `The decode engine sent more than ${this.#limits.held} bytes of a response that is held`
    this.fail(tooLargeFailure('decode', message))
  }

  /** Bounds what is held of an incomplete event, which may never end. */
  #checkEventSize(): void {
    const { event } = this.#limits
    if (this.#framer.heldBytes <= event) return
    const message = `The decode engine sent an event of more than ${event} bytes (limits.eventBytes)`
    this.fail(tooLargeFailure('decode', message))
  }

  #checkPreambleSize(): void {
    const { preamble } = this.#limits
    if (this.body.length <= preamble) return
    const message = `The decode engine sent more than ${preamble} bytes before its first token`
    this.fail(protocolFailure('decode', message))
  }

  #peekInto(peek: StreamPeek, events: Uint8Array): void {
    peek.push(events)
    const isOwnAbort = this.isAbortRequested && peek.isPlainAbort
    if (peek.failure !== undefined && !isOwnAbort) this.fail(peek.failure)
    else if (peek.isSettled) this.#events.onDecodeReady(peek.summary)
    else this.#checkPreambleSize()
  }

  #endStream(peek: StreamPeek): void {
    const rest = this.#framer.rest()
    // The last event may lack its blank line.
    if (findSigns(rest, this.#reader.dialect)?.isDone === true) this.#onEvents(peek, rest)
    else this.#complete(peek, false)
  }

  /** At its end a stream is complete: nothing that its engine sends or does after it is looked at. */
  #complete(peek: StreamPeek, isTerminated: boolean): void {
    const isSaying = peek.isSettled || peek.tokenlessEnd !== undefined
    if (isTerminated && !isSaying) return this.fail(nothingFailure('decode', this.body.joined()))
    this.isOpen = false
    const summary = peek.isSettled ? HAS_TOKEN : (peek.tokenlessEnd ?? NO_TOKEN)
    this.#events.onDecodeComplete(summary, isTerminated)
  }
}
