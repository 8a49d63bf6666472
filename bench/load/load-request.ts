/** One request of the load, from the moment it is sent: reads the answer, takes the times, and says how it ended. */
import { Answer } from './answer.ts'
import type { Expected } from './compare.ts'
import type { AnswerUser, LoadConnection, LossKind } from './connection.ts'
import type { GapLog } from './gap-log.ts'
import type { Endpoint } from './plan.ts'
import {
  type Failure,
  type FailureKind,
  failureOf,
  type Outcome,
  type RequestDetails,
  type RequestRecord,
} from './record.ts'
import { refusalFault } from './refusal.ts'
import type { SecondCounts } from './second-counts.ts'
import { SseReader } from './sse-reader.ts'

export interface ExchangeOptions {
  readonly index: number
  readonly endpoint: Endpoint
  readonly scheduledMs: number
  /** Unset: the target is not a simulated engine. */
  readonly expected: Expected | undefined
  readonly keepsRequestId: boolean
  readonly keepsDetails: boolean
  /** Reads so many bytes a second; unset: as fast as they come. */
  readonly slowBytesPerSecond: number | undefined
  readonly onEnd: (exchange: LoadRequest, record: RequestRecord) => void
}

/** What all exchanges of a process share. */
export interface ExchangeHost {
  /** Milliseconds since the start of the run. */
  readonly nowMs: () => number
  /** Between two tokens, an entry a token. */
  readonly itlMs: GapLog
  /** Between two pieces that hold a token, however many. */
  readonly iclMs: GapLog
  /** Of a stream when they come; of a whole answer at its end. */
  readonly tokensBySecond: SecondCounts
}

const MANY_TOKENS = 1 << 16

export class LoadRequest implements AnswerUser {
  readonly connection: LoadConnection
  readonly sentMs: number
  /** Of the last bytes; of the start when none have come. */
  lastReadMs: number
  readonly #options: ExchangeOptions
  readonly #host: ExchangeHost
  readonly #answer: Answer
  readonly #gapsMs: number[] = []
  readonly #gapTokens: number[] = []
  #events: SseReader | undefined
  #parts: Buffer[] = []
  #headers: ReadonlyMap<string, string> = new Map()
  #status = 0
  #headMs: number | undefined
  #firstTokenMs: number | undefined
  #lastTokenMs: number | undefined
  #isOver = false

  constructor(options: ExchangeOptions, host: ExchangeHost, connection: LoadConnection) {
    this.#options = options
    this.#host = host
    this.connection = connection
    this.#answer = new Answer(options.endpoint)
    this.sentMs = host.nowMs()
    this.lastReadMs = this.sentMs
  }

  head(status: number, headers: ReadonlyMap<string, string>): void {
    this.#status = status
    this.#headers = headers
    this.#headMs = this.#host.nowMs()
    this.lastReadMs = this.#headMs
    const isStream = status === 200 && isEventStream(headers.get('content-type'))
    if (isStream) this.#events = new SseReader(data => this.#event(data))
  }

  body(bytes: Buffer): void {
    this.lastReadMs = this.#host.nowMs()
    if (this.#events === undefined) this.#parts.push(Buffer.from(bytes))
    else this.#events.push(bytes)
    const { slowBytesPerSecond } = this.#options
    if (slowBytesPerSecond !== undefined) this.connection.pauseFor((bytes.length / slowBytesPerSecond) * 1000)
  }

  end(): void {
    if (this.#status === 429 || this.#status === 503) return this.#close('refused', undefined)
    if (this.#status !== 200) return this.fail('status', `${this.#status}: ${this.#text()}`)
    if (this.#events === undefined) this.#whole()
    const failure = this.#answer.finished(this.#options.expected)
    this.#close(failure === undefined ? 'ok' : 'failed', failure)
  }

  /** What came before may say more than that the connection was lost. */
  lost(kind: LossKind, detail: string): void {
    this.#close('failed', this.#answer.failure ?? failureOf(kind, detail))
  }

  /** The client goes. */
  leave(): void {
    const failure = this.#answer.left(this.#options.expected)
    this.#close(failure === undefined ? 'left' : 'failed', failure)
  }

  fail(kind: FailureKind, detail: string): void {
    this.#close('failed', failureOf(kind, detail))
  }

  #event(data: string): void {
    const tokens = this.#answer.event(data)
    if (tokens === 0) return
    const nowMs = this.lastReadMs
    this.#count(tokens)
    if (this.#lastTokenMs === undefined) this.#firstTokenMs = nowMs
    else this.#addGap(nowMs - this.#lastTokenMs, Math.min(tokens, MANY_TOKENS))
    this.#lastTokenMs = nowMs
  }

  #whole(): void {
    this.#answer.whole(this.#text())
    this.#count(this.#answer.outputTokens)
  }

  #count(tokens: number): void {
    this.#host.tokensBySecond.add(Math.floor(this.lastReadMs / 1000), tokens)
  }

  #addGap(gapMs: number, tokens: number): void {
    this.#host.iclMs.add(gapMs)
    if (this.#options.keepsDetails) {
      this.#gapsMs.push(gapMs)
      this.#gapTokens.push(tokens)
    }
    for (let at = 0; at < tokens; at++) this.#host.itlMs.add(gapMs / tokens)
  }

  #text(): string {
    const [only] = this.#parts
    return (this.#parts.length === 1 && only !== undefined ? only : Buffer.concat(this.#parts)).toString()
  }

  #close(outcome: Outcome, failure: Failure | undefined): void {
    if (this.#isOver) return
    this.#isOver = true
    const record = this.#record(outcome, failure)
    this.#options.onEnd(this, record)
  }

  #record(outcome: Outcome, failure: Failure | undefined): RequestRecord {
    return {
      index: this.#options.index,
      scheduledMs: this.#options.scheduledMs,
      sentMs: this.sentMs,
      headMs: this.#headMs,
      firstTokenMs: this.#firstTokenMs,
      lastTokenMs: this.#lastTokenMs,
      endMs: this.#host.nowMs(),
      outcome,
      failure,
      status: this.#status,
      badRefusal: outcome === 'refused' ? refusalFault(this.#headers, this.#text()) : undefined,
      requestId: this.#options.keepsRequestId ? this.#headers.get('x-request-id') : undefined,
      inputTokens: this.#answer.promptTokens,
      outputTokens: this.#answer.outputTokens,
      details: this.#details(),
    }
  }

  #details(): RequestDetails | undefined {
    if (!this.#options.keepsDetails) return undefined
    const gapsMs = Float64Array.from(this.#gapsMs)
    return { text: this.#answer.text, gapsMs, gapTokens: Uint32Array.from(this.#gapTokens) }
  }
}

/** A media type is the same in any case. */
function isEventStream(contentType = ''): boolean {
  return /^text\/event-stream\s*(?:;|$)/i.test(contentType)
}
