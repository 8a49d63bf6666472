/**
 * Decode's half of an attempt: the response that the client gets.
 *
 * A stream is held until an event shows that it is good; then it is forwarded in whole events as they arrive. Anything
 * else (a body, an error) is collected to its end.
 */
import type { FlatHeaders } from '../../src/messages/types.ts'
import { codingFailure } from '../classify/content-coding.ts'
import type { Failure } from '../classify/failure.ts'
import { nothingFailure, transportFailure } from '../classify/observed-failure.ts'
import { cachedIn } from '../classify/stream-cached.ts'
import { StreamPeek } from '../classify/stream-peek.ts'
import { findSigns, type StreamSigns } from '../classify/stream-signs.ts'
import type { CachedPrompt, ResponseSummary } from '../dialects/response-summary.ts'
import { EventFramer } from '../sse/event-framer.ts'
import { ResponseBody } from '../upstream/response-body.ts'
import type { ResponseHandler, TransportError } from '../upstream/types.ts'
import { type DecodeLimits, eventTooLarge, heldTooLarge, preambleTooLarge } from './decode-limits.ts'
import { classifyComplete, errorStatusFailure, type LegReader } from './leg-response.ts'

export interface DecodeEvents {
  /** The held events show a token or a finish. */
  onDecodeReady(summary: ResponseSummary): void
  /** The engine has said after the first token how long the prompt was: in a pair, or with what was cached. At most once. */
  onDecodeUsage(promptTokens: number, cached?: CachedPrompt): void
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
  /** Whole events after the commit, valid during the call only. `isGoodEnd`: the last ones, and decode knows no failure. */
  onDecodeData(bytes: Uint8Array, isGoodEnd: boolean): void
}

export interface DecodeLegOptions extends LegReader {
  /** See `AttemptPlan`. */
  readonly isBatch?: boolean
  /** Whether the response is compared with that of a prefill engine. */
  readonly isPair?: boolean
  /** See `AttemptPlan`. */
  readonly awaitsUsage?: boolean
}

const SPACE = 0x20
const NO_TOKEN: ResponseSummary = { promptTokens: undefined, hasToken: false }
/** The client aborted the request itself: it gets what was generated until then, even if that is nothing. */
const ABORTED_BY_CLIENT: ResponseSummary = { promptTokens: undefined, hasToken: true }

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
  readonly #isPair: boolean
  #awaitsUsage: boolean
  /** Length of the prompt, once decode has said it. */
  #promptTokens: number | undefined
  #hasLostPrompt = false
  #hasReportedError = false
  /** Cleared when the leg or the attempt is over: later calls are ignored. */
  isOpen = true
  /** The client asked for an abort, so the abort that the engine reports is part of the response. */
  isAbortRequested = false
  /** The last events of a stream, while they wait for prefill's response. */
  heldEnd: Buffer | undefined
  /** Set when the attempt is over and only waits for decode's first item in order to abort it. */
  onFirstItem: (() => void) | undefined

  constructor(limits: DecodeLimits, events: DecodeEvents, options: DecodeLegOptions) {
    this.#events = events
    this.#isBatch = options.isBatch ?? false
    this.#isPair = options.isPair ?? false
    this.#awaitsUsage = options.awaitsUsage ?? false
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
    // An incomplete event may never end.
    if (this.isOpen && this.#framer.heldBytes > this.#limits.event) this.fail(eventTooLarge(this.#limits))
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
    const awaitsCount = this.#awaitsUsage && this.#isPair && this.#promptTokens === undefined
    const signs = findSigns(block, this.#reader.dialect, awaitsCount)
    if (signs === undefined) this.#pass(peek, block, undefined, false)
    else this.#onSigns(peek, signs)
  }

  #onSigns(peek: StreamPeek, { events, promptTokens, isDone, failure: reported }: StreamSigns): void {
    const failure = this.isAbortRequested ? undefined : reported
    const isGood = this.#isGood(failure)
    if (promptTokens !== undefined && isGood) this.#count(peek, promptTokens)
    if (this.isOpen) this.#pass(peek, events, failure, isDone && isGood)
    if (isDone && this.isOpen) this.#complete(peek, true)
  }

  /** Otherwise the engine has given up on the prompt, or a part of it, and what it counts means nothing. */
  #isGood(failure: Failure | undefined): boolean {
    return failure === undefined && !this.#hasReportedError && !this.#hasLostPrompt && !this.isAbortRequested
  }

  /** A count in one read with the first token is reported together with it. */
  #count(peek: StreamPeek, promptTokens: number): void {
    this.#promptTokens = promptTokens
    if (peek.isSettled) this.#events.onDecodeUsage(promptTokens)
  }

  #pass(peek: StreamPeek, events: Uint8Array, failure: Failure | undefined, isGoodEnd: boolean): void {
    if (this.#isCommitted) this.#relay(events, failure, isGoodEnd)
    else this.#holdEvents(peek, events, failure, isGoodEnd)
    if (this.#awaitsUsage && !this.#isPair && this.isOpen) this.#findCached(events)
  }

  /** After the commit a failure that the engine reports is charged, and forwarded like any other event. */
  #relay(events: Uint8Array, failure: Failure | undefined, isGoodEnd: boolean): void {
    const isOfPrompt = this.#isBatch && failure?.cause === 'abort'
    if (isOfPrompt && !this.#hasLostPrompt) this.#events.onDecodePromptError(failure)
    this.#hasLostPrompt ||= isOfPrompt
    this.#events.onDecodeData(events, isGoodEnd)
    if (failure === undefined || isOfPrompt || this.#hasReportedError || !this.isOpen) return
    this.#hasReportedError = true
    this.#events.onDecodeReportedError(failure)
  }

  #holdEvents(peek: StreamPeek, events: Uint8Array, failure: Failure | undefined, isGoodEnd: boolean): void {
    this.#hold(events)
    if (failure !== undefined) this.fail(failure)
    else if (this.isOpen && !peek.isSettled) this.#peekInto(peek, events, isGoodEnd)
  }

  #findCached(events: Uint8Array): void {
    const cached = cachedIn(events, this.#reader.dialect)
    if (cached === undefined) return
    this.#awaitsUsage = false
    this.#events.onDecodeUsage(cached.promptTokens, cached)
  }

  #collect(bytes: Uint8Array): void {
    this.#hold(bytes)
    if (this.isOpen && !this.body.isError) this.#events.onDecodeBody(bytes.every(byte => byte <= SPACE))
  }

  #hold(bytes: Uint8Array): void {
    if (!this.body.add(bytes)) this.fail(heldTooLarge(this.#limits))
  }

  #peekInto(peek: StreamPeek, events: Uint8Array, isGoodEnd: boolean): void {
    peek.push(events)
    const isOwnAbort = this.isAbortRequested && peek.isPlainAbort
    if (peek.failure !== undefined && !isOwnAbort) this.fail(peek.failure)
    else if (peek.isSettled) this.#settle(peek, isGoodEnd)
    else if (this.body.length > this.#limits.preamble) this.fail(preambleTooLarge(this.#limits))
  }

  /** A response that has ended by now is not ready but complete: prefill's count is waited for before any of it goes out. */
  #settle(peek: StreamPeek, isGoodEnd: boolean): void {
    const { summary } = peek
    this.#promptTokens = summary.promptTokens ?? this.#promptTokens
    if (isGoodEnd && this.#isPair && this.#promptTokens !== undefined) return
    this.#events.onDecodeReady({ ...summary, promptTokens: this.#promptTokens })
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
    const summary = peek.isSettled ? peek.summary : (peek.tokenlessEnd ?? NO_TOKEN)
    const promptTokens = summary.promptTokens ?? this.#promptTokens
    this.#events.onDecodeComplete({ ...summary, promptTokens }, isTerminated)
  }
}
