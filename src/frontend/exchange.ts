/**
 * One client request on its way: rows of its router thread are gathered here while a batch is decoded, then written
 * under one cork. Hot path: no closure, string or array is made per chunk.
 *
 *   sent ──head──▶ streaming ──end──▶ over        sent ──answer──▶ over (large: once the client has taken it)
 *   any ──client gone, thread lost──▶ over
 *
 * A client that does not keep up earns no credit: what uWebSockets.js buffers for it is counted as taken only when
 * it is.
 */
import type { GatewayError } from '../core/errors.ts'
import type { ThreadChannel } from '../messages/channel.ts'
import type { Answer } from '../messages/codec.ts'
import { CreditGrants } from '../messages/credit.ts'
import { headerIn } from '../messages/flat-headers.ts'
import type { FlatHeaders } from '../messages/types.ts'
import { toErrorEvents, toErrorReply } from './error-reply.ts'
import { type ReplyHead, writeHead, writeWholeBody } from './reply.ts'
import type { UwsResponse } from './uws.ts'

export interface ExchangeOptions {
  readonly id: number
  readonly res: UwsResponse
  readonly channel: ThreadChannel
  readonly requestId: string
  readonly creditBytes: number
  /** Called once. */
  readonly onOver: () => void
}

export class Exchange {
  readonly #options: ExchangeOptions
  readonly #res: UwsResponse
  readonly #credit: CreditGrants
  readonly #chunks: Uint8Array[] = []
  #head: ReplyHead | undefined
  #answer: Answer | undefined
  #isEnding = false
  #isStreaming = false
  #isEventStream = false
  #isOver = false
  /** Bytes that wait in the buffer of the client's socket. */
  #heldBytes = 0
  /** In the list of those that this batch brought something for. */
  isTouched = false

  constructor(options: ExchangeOptions) {
    this.#options = options
    this.#res = options.res
    this.#credit = new CreditGrants(options.creditBytes)
  }

  get channel(): ThreadChannel {
    return this.#options.channel
  }

  takeHead(status: number, headers: FlatHeaders): void {
    this.#head = { status, headers, requestId: this.#options.requestId }
  }

  /** The bytes are a view into the batch, written before the next one comes. */
  takeChunk(bytes: Uint8Array): void {
    this.#chunks.push(bytes)
  }

  takeEnd(): void {
    this.#isEnding = true
  }

  takeAnswer(answer: Answer): void {
    this.#answer = answer
  }

  /** Writes what the batch brought. */
  write(): void {
    this.isTouched = false
    if (!this.#isOver) this.#res.cork(this.#writeRows)
  }

  /** The client is gone: the response must not be touched any more. */
  clientGone(): void {
    if (this.#isOver) return
    if (this.#answer === undefined) this.#options.channel.sender.abort(this.#options.id)
    this.#over()
  }

  /** Nothing more comes from the thread. */
  fail(error: GatewayError): void {
    if (this.#isOver || this.#answer !== undefined) return
    this.#res.cork(() => {
      if (!this.#isStreaming) {
        this.takeAnswer(toErrorReply(error))
        this.#writeRows()
      } else if (this.#isEventStream) {
        this.#res.write(toErrorEvents(error))
        this.#res.end()
        this.#over()
      } else {
        // A cut connection is the only way to say that this body is not whole.
        this.#res.close()
      }
    })
  }

  readonly #writeRows = (): void => {
    if (this.#head !== undefined) this.#start(this.#head)
    const chunks = this.#chunks
    if (chunks.length > 0) this.#writeChunks(chunks)
    if (this.#answer !== undefined) this.#writeAnswer(this.#answer)
    else if (this.#isEnding) {
      this.#res.end()
      this.#over()
    }
  }

  #start(head: ReplyHead): void {
    this.#head = undefined
    this.#isStreaming = true
    const contentType = headerIn(head.headers, 'content-type')
    this.#isEventStream = contentType?.startsWith('text/event-stream') ?? false
    writeHead(this.#res, head)
    this.#res.onWritable(this.#onWritable)
  }

  #writeChunks(chunks: Uint8Array[]): void {
    let taken = 0
    for (let at = 0; at < chunks.length; at++) {
      const chunk = chunks[at]
      // An empty chunk would end the chunked encoding.
      if (chunk === undefined || chunk.length === 0) continue
      if (this.#res.write(chunk)) taken += chunk.length
      else this.#heldBytes += chunk.length
    }
    chunks.length = 0
    if (taken > 0 && !this.#isEnding) this.#grant(taken)
  }

  #writeAnswer(answer: Answer): void {
    const { status, headers } = answer
    writeHead(this.#res, { status, headers, requestId: this.#options.requestId })
    writeWholeBody(this.#res, answer.body, this.#over)
  }

  readonly #onWritable = (): boolean => {
    const held = this.#heldBytes
    this.#heldBytes = 0
    if (held > 0) this.#grant(held)
    return true
  }

  #grant(taken: number): void {
    const bytes = this.#credit.take(taken)
    if (bytes > 0) this.#options.channel.sender.credit(this.#options.id, bytes)
  }

  readonly #over = (): void => {
    if (this.#isOver) return
    this.#isOver = true
    this.#options.onOver()
  }
}
