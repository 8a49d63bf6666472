/** One request of the load from its sending to its end: reads the response, records times and determines the outcome. */

import type { LoadConnection, LossKind, ResponseHandler } from '../connections/connection.ts'
import type { Endpoint } from '../plan/plan.ts'
import type { GapLog } from '../records/gap-log.ts'
import {
  type Failure,
  type FailureKind,
  failureOf,
  type Outcome,
  type RequestDetails,
  type RequestRecord,
} from '../records/record.ts'
import { SecondCounts } from '../records/second-counts.ts'
import { refusalFault } from '../response/refusal.ts'
import { ResponseChecker } from '../response/response-checker.ts'
import { SseReader } from '../response/sse-reader.ts'
import type { Expected } from '../response/token-check.ts'

export interface LoadRequestOptions {
  readonly index: number
  readonly endpoint: Endpoint
  readonly scheduledMs: number
  /** Expected tokens; undefined when the target is not simulated. */
  readonly expected: Expected | undefined
  readonly keepsRequestId: boolean
  readonly keepsDetails: boolean
  /** Read rate of a slow client; undefined reads as fast as bytes arrive. */
  readonly slowBytesPerSecond: number | undefined
  readonly onEnd: (request: LoadRequest, record: RequestRecord) => void
}

/** State shared by all requests of a process. */
export interface LoadRequestHost {
  /** Milliseconds since the start of the run. */
  readonly nowMs: () => number
  /** Times between tokens, one entry per token. */
  readonly itlMs: GapLog
  /** Times between chunks with tokens, one entry per chunk. */
  readonly iclMs: GapLog
  /** Tokens by second: those of a stream when they arrive, those of other responses at the end. */
  readonly tokensBySecond: SecondCounts
  /** Chunks with text of successful requests by second; a response that is not streamed is one chunk. */
  readonly chunksBySecond: SecondCounts
}

const MANY_TOKENS = 1 << 16

export class LoadRequest implements ResponseHandler {
  readonly connection: LoadConnection
  readonly sentMs: number
  /** When the last bytes arrived; the time of sending if none have. */
  lastReadMs: number
  readonly #options: LoadRequestOptions
  readonly #host: LoadRequestHost
  readonly #response: ResponseChecker
  readonly #gapsMs: number[] = []
  readonly #gapTokens: number[] = []
  /** Chunks so far by second; they count only if the request succeeds. */
  readonly #chunks = new SecondCounts()
  #events: SseReader | undefined
  #parts: Buffer[] = []
  #headers: ReadonlyMap<string, string> = new Map()
  #status = 0
  #headMs: number | undefined
  #firstTokenMs: number | undefined
  #lastTokenMs: number | undefined
  #ended = false

  constructor(options: LoadRequestOptions, host: LoadRequestHost, connection: LoadConnection) {
    this.#options = options
    this.#host = host
    this.connection = connection
    this.#response = new ResponseChecker(options.endpoint)
    this.sentMs = host.nowMs()
    this.lastReadMs = this.sentMs
  }

  onHead(status: number, headers: ReadonlyMap<string, string>): void {
    this.#status = status
    this.#headers = headers
    this.#headMs = this.#host.nowMs()
    this.lastReadMs = this.#headMs
    const isStream = status === 200 && isEventStream(headers.get('content-type'))
    if (isStream) this.#events = new SseReader(data => this.#event(data))
  }

  onData(bytes: Buffer): void {
    this.lastReadMs = this.#host.nowMs()
    if (this.#events === undefined) this.#parts.push(Buffer.from(bytes))
    else this.#events.push(bytes)
    const { slowBytesPerSecond } = this.#options
    if (slowBytesPerSecond !== undefined) this.connection.pauseFor((bytes.length / slowBytesPerSecond) * 1000)
  }

  onEnd(): void {
    if (this.#status === 429 || this.#status === 503) return this.#close('refused', undefined)
    if (this.#status !== 200) return this.fail('status', `${this.#status}: ${this.#text()}`)
    if (this.#events === undefined) this.#whole()
    const failure = this.#response.finished(this.#options.expected)
    this.#close(failure === undefined ? 'ok' : 'failed', failure)
  }

  /** A failure found in the bytes before the loss takes precedence. */
  onLost(kind: LossKind, detail: string): void {
    this.#close('failed', this.#response.failure ?? failureOf(kind, detail))
  }

  /** The client disconnects before the end. */
  leave(): void {
    const failure = this.#response.left(this.#options.expected)
    this.#close(failure === undefined ? 'left' : 'failed', failure)
  }

  fail(kind: FailureKind, detail: string): void {
    this.#close('failed', failureOf(kind, detail))
  }

  #event(data: string): void {
    const tokens = this.#response.event(data)
    if (tokens === 0) return
    const nowMs = this.lastReadMs
    this.#count(tokens)
    if (this.#lastTokenMs === undefined) this.#firstTokenMs = nowMs
    else this.#addGap(nowMs - this.#lastTokenMs, Math.min(tokens, MANY_TOKENS))
    this.#lastTokenMs = nowMs
  }

  #whole(): void {
    this.#response.whole(this.#text())
    this.#count(this.#response.outputTokens)
  }

  #count(tokens: number): void {
    const second = Math.floor(this.lastReadMs / 1000)
    this.#host.tokensBySecond.add(second, tokens)
    this.#chunks.add(second, 1)
  }

  #addGap(gapMs: number, tokens: number): void {
    this.#host.iclMs.add(gapMs)
    if (this.#options.keepsDetails) {
      this.#gapsMs.push(gapMs)
      this.#gapTokens.push(tokens)
    }
    for (let index = 0; index < tokens; index++) this.#host.itlMs.add(gapMs / tokens)
  }

  #text(): string {
    const [only] = this.#parts
    return (this.#parts.length === 1 && only !== undefined ? only : Buffer.concat(this.#parts)).toString()
  }

  #close(outcome: Outcome, failure: Failure | undefined): void {
    if (this.#ended) return
    this.#ended = true
    const record = this.#record(outcome, failure)
    if (outcome === 'ok')
      for (const [second, count] of this.#chunks.take()) this.#host.chunksBySecond.add(second, count)
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
      inputTokens: this.#response.promptTokens,
      cachedTokens: this.#response.cachedTokens,
      outputTokens: this.#response.outputTokens,
      details: this.#details(),
    }
  }

  #details(): RequestDetails | undefined {
    if (!this.#options.keepsDetails) return undefined
    const gapsMs = Float64Array.from(this.#gapsMs)
    return { text: this.#response.text, gapsMs, gapTokens: Uint32Array.from(this.#gapTokens) }
  }
}

/** Media types are case-insensitive. */
function isEventStream(contentType = ''): boolean {
  return /^text\/event-stream\s*(?:;|$)/i.test(contentType)
}
