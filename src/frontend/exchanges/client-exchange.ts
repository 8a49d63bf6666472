/**
 * One client request on its way: rows of its router thread are gathered here while a batch is decoded, then written
 * under one cork. Hot path: no closure, string or array is made per chunk.
 *
 *   sent ──head──▶ streaming ──end──▶ over        sent ──answer──▶ over (large: once the client has taken it)
 *   sent ──thread lost──▶ without a thread ──▶ sent (`unassigned.ts`)
 *   any ──client gone, given up──▶ over
 *
 * The request is kept until the first word of its answer: until then another thread can take it.
 *
 * A client that does not keep up earns no credit: what uWebSockets.js buffers for it is counted as taken only when
 * it is.
 */
import { toErrorEvents, toErrorResponse } from '../../core/error-response.ts'
import type { GatewayError } from '../../core/errors.ts'
import type { StallDetector } from '../../core/stall-detector.ts'
import type { ThreadChannel } from '../../messages/channel.ts'
import { CreditGrants } from '../../messages/credit.ts'
import { isEventStream } from '../../messages/flat-headers.ts'
import type { FlatHeaders, OpenMessage, WholeResponse } from '../../messages/types.ts'
import type { DrainState } from '../response/drain-state.ts'
import { type ResponseHead, writeHead, writeWholeBody } from '../response/write-response.ts'
import type { UwsResponse } from '../uws/uws.ts'

export interface ClientExchangeOptions {
  readonly res: UwsResponse
  readonly request: OpenMessage
  readonly requestId: string
  /** When it came in, on the clock that is given to `openOn`. */
  readonly receivedMs: number
  readonly drainState: DrainState
  /** Watches clients for which bytes are held. */
  readonly stalls: StallDetector<ClientExchange>
  /** Called once. */
  readonly onDone: () => void
}

export class ClientExchange {
  readonly #id: number
  readonly #options: Omit<ClientExchangeOptions, 'request'>
  readonly #res: UwsResponse
  readonly #credit: CreditGrants
  /** Emptied by count: an array whose length is set to 0 gives its memory back, and asks for it with the next chunk. */
  readonly #chunks: (Uint8Array | undefined)[] = []
  #chunkCount = 0
  /** `undefined` once the answer has begun. */
  #request: OpenMessage | undefined
  readonly #headers: FlatHeaders
  #channel: ThreadChannel | undefined
  #assignments = 0
  #head: ResponseHead | undefined
  #response: WholeResponse | undefined
  #isEnding = false
  #isStreaming = false
  #isEventStream = false
  #isDone = false
  /** Bytes that wait in the buffer of the client's socket. */
  #heldBytes = 0
  /** In the list of those that this batch brought something for. */
  hasRows = false

  constructor({ request, ...options }: ClientExchangeOptions) {
    this.#id = request.id
    this.#request = request
    this.#headers = request.headers
    this.#options = options
    this.#res = options.res
    this.#credit = new CreditGrants(request.creditBytes)
  }

  /** The thread that works on it; `undefined` while it has none. */
  get channel(): ThreadChannel | undefined {
    return this.#channel
  }

  /** When the request came in, on the clock that is given to `openOn`. */
  get receivedMs(): number {
    return this.#options.receivedMs
  }

  get isDone(): boolean {
    return this.#isDone
  }

  /** Times that it was given to a thread whose end it may have caused. */
  get assignments(): number {
    return this.#assignments
  }

  /** Of the client's request, as engines get them. */
  get headers(): FlatHeaders {
    return this.#headers
  }

  /** Whether the client has had nothing yet. */
  get isUnstarted(): boolean {
    return this.#request !== undefined
  }

  /** Gives the request to a thread: the first one, or another after that was lost. */
  assignTo(channel: ThreadChannel, nowMs: number): void {
    if (this.#request === undefined) throw new TypeError('an answered request cannot be opened again')
    this.#leaveThread()
    this.#channel = channel
    this.#assignments++
    channel.openExchanges++
    const ageMs = Math.trunc(nowMs - this.#options.receivedMs)
    channel.sender.open(ageMs === 0 ? this.#request : { ...this.#request, ageMs })
  }

  /** The end of its thread was nobody's fault: that opening does not count. */
  discountAssignment(): void {
    this.#assignments--
  }

  onHead(status: number, headers: FlatHeaders): void {
    this.#request = undefined
    this.#head = { status, headers, ...this.#ownHead() }
  }

  /** The bytes are a view into the batch, written before the next one comes. */
  onData(bytes: Uint8Array): void {
    this.#chunks[this.#chunkCount++] = bytes
  }

  onEnd(): void {
    this.#isEnding = true
  }

  onResponse(answer: WholeResponse): void {
    this.#request = undefined
    this.#response = answer
  }

  /** Writes what the batch brought. */
  write(): void {
    this.hasRows = false
    if (!this.#isDone) this.#res.cork(this.#writeRows)
  }

  /** The client is gone: the response must not be touched any more. */
  onClientGone(): void {
    if (this.#isDone) return
    this.#abort()
    this.#finish()
  }

  /** The client takes nothing: its connection is closed, which ends the exchange as if it had left. */
  cut(): void {
    if (!this.#isDone) this.#res.close()
  }

  /** The thread is told to stop, the client gets the error. */
  giveUp(error: GatewayError): void {
    if (this.#isDone) return
    this.#abort()
    this.fail(error)
  }

  /** Nothing more comes from the thread. */
  fail(error: GatewayError): void {
    // A stream that has ended is whole, however long the client takes to read it.
    if (this.#isDone || this.#isEnding || this.#response !== undefined) return
    this.#res.cork(() => {
      if (!this.#isStreaming) {
        this.onResponse(toErrorResponse(error))
        this.#writeRows()
      } else if (this.#isEventStream) {
        this.#res.write(toErrorEvents(error))
        this.#endStream()
      } else {
        // A cut connection is the only way to say that this body is not whole.
        this.#res.close()
      }
    })
  }

  readonly #writeRows = (): void => {
    if (this.#head !== undefined) this.#start(this.#head)
    if (this.#chunkCount > 0) this.#writeChunks()
    if (this.#response !== undefined) this.#writeAnswer(this.#response)
    // What the client has not taken yet is waited for: a request is open until its last byte is out.
    else if (this.#isEnding && this.#heldBytes === 0) this.#endStream()
  }

  #endStream(): void {
    this.#res.end(undefined, this.#options.drainState.closeConnections)
    this.#finish()
  }

  #ownHead(): Pick<ResponseHead, 'requestId' | 'isLast'> {
    return { requestId: this.#options.requestId, isLast: this.#options.drainState.closeConnections }
  }

  #start(head: ResponseHead): void {
    this.#head = undefined
    this.#isStreaming = true
    this.#isEventStream = isEventStream(head.headers)
    writeHead(this.#res, head)
    this.#res.onWritable(this.#onWritable)
  }

  #writeChunks(): void {
    let taken = 0
    const heldBefore = this.#heldBytes
    const chunks = this.#chunks
    for (let at = 0; at < this.#chunkCount; at++) {
      const chunk = chunks[at]
      chunks[at] = undefined
      // An empty chunk would end the chunked encoding.
      if (chunk === undefined || chunk.length === 0) continue
      if (this.#res.write(chunk)) taken += chunk.length
      else this.#heldBytes += chunk.length
    }
    this.#chunkCount = 0
    if (this.#heldBytes > heldBefore && heldBefore === 0) this.#options.stalls.watch(this)
    if (taken > 0 && !this.#isEnding) this.#grant(taken)
  }

  #writeAnswer(answer: WholeResponse): void {
    const { status, headers } = answer
    writeHead(this.#res, { status, headers, ...this.#ownHead() })
    if (!writeWholeBody(this.#res, answer.body, this.#onPart)) this.#options.stalls.watch(this)
    else this.#finish()
  }

  /** The client has taken more of a large answer. */
  readonly #onPart = (isAll: boolean): void => {
    if (isAll) this.#finish()
    else this.#options.stalls.watch(this)
  }

  readonly #onWritable = (): boolean => {
    const held = this.#heldBytes
    this.#heldBytes = 0
    if (held > 0) this.#options.stalls.forget(this)
    if (this.#isEnding) this.#res.cork(() => this.#endStream())
    else if (held > 0) this.#grant(held)
    return true
  }

  #grant(taken: number): void {
    const bytes = this.#credit.take(taken)
    if (bytes > 0) this.#channel?.sender.credit(this.#id, bytes)
  }

  #abort(): void {
    if (this.#response === undefined) this.#channel?.sender.abort(this.#id)
  }

  #leaveThread(): void {
    if (this.#channel !== undefined) this.#channel.openExchanges--
    this.#channel = undefined
  }

  readonly #finish = (): void => {
    if (this.#isDone) return
    this.#isDone = true
    this.#request = undefined
    this.#options.stalls.forget(this)
    this.#leaveThread()
    this.#options.onDone()
  }
}
