/**
 * The response to one client: rows of a router thread are collected while a batch is decoded, then written under one
 * cork. Hot path: creates no closure, string or array per chunk.
 *
 *   waiting ──head──▶ streaming ──end──▶ done
 *      │                  └──broken, failure──▶ breaking ──last event is out, connection closed──▶ done
 *      └──whole response or failure──▶ done (a large body: once the client has taken it)
 *
 * A stream that breaks off gets neither `[DONE]` nor its last chunk: a client that looks at nothing but the end of the
 * body must not take it for complete.
 *
 * A client that reads slowly earns no credit: bytes that uWebSockets.js buffers count as taken only when it has sent
 * them. Which thread sends the rows is not known here, see `client-exchange.ts`.
 */
import type { GatewayError } from '../../core/errors.ts'
import type { StallDetector } from '../../core/stall-detector.ts'
import type { ErrorDialect } from '../../error-response/error-dialect.ts'
import { toErrorEvent, toErrorResponse } from '../../error-response/error-response.ts'
import { isEventStream } from '../../messages/flat-headers.ts'
import type { FlatHeaders, WholeResponse } from '../../messages/types.ts'
import type { UwsResponse } from '../uws/uws.ts'
import type { DrainState } from './drain-state.ts'
import { type ResponseHead, writeHead, writeWhole } from './write-response.ts'

export interface ClientResponseOptions {
  readonly res: UwsResponse
  readonly requestId: string
  readonly errorDialect: ErrorDialect
  readonly drainState: DrainState
  /** Watches clients that have not taken all bytes written so far. */
  readonly stalls: Pick<StallDetector<ClientResponse>, 'watch' | 'forget'>
  readonly observer: ResponseObserver
}

export interface ResponseObserver {
  /** The client's socket has taken bytes of a stream, so the router thread may send as many more. */
  onTaken(bytes: number): void
  /** The last byte has been handed to the kernel, or the connection is gone. Called once. */
  onDone(): void
}

const NO_BYTES = new Uint8Array(0)
const EMPTY_LINE = new Uint8Array([0x0a])

export class ClientResponse {
  readonly #options: ClientResponseOptions
  readonly #res: UwsResponse
  /** Emptied by `#chunkCount`: setting `length` to 0 would free the array's memory, to be allocated again by the next chunk. */
  readonly #chunks: (Uint8Array | undefined)[] = []
  #chunkCount = 0
  #head: ResponseHead | undefined
  #whole: WholeResponse | undefined
  #isEnding = false
  /** What the stream breaks off with, until it has been written. */
  #lastEvent: Uint8Array | undefined
  #isBreaking = false
  #isStreaming = false
  #isEventStream = false
  #isDone = false
  /** Bytes in the send buffer of the client's socket. */
  #heldBytes = 0
  /** Whether the current batch has rows for this client. Set by the decoder of the batch. */
  hasRows = false

  constructor(options: ClientResponseOptions) {
    this.#options = options
    this.#res = options.res
  }

  get isDone(): boolean {
    return this.#isDone
  }

  /** Whether all of a response that is no error has been received, if only its client has not taken it yet. */
  get isGood(): boolean {
    return this.#whole === undefined ? this.#isEnding : this.#whole.status < 400
  }

  /** Bytes that are held for the client until it reads them. A whole body is held until all of it has been read. */
  get heldBytes(): number {
    return this.#whole?.body.length ?? this.#heldBytes
  }

  onHead(status: number, headers: FlatHeaders): void {
    this.#head = { status, headers, ...this.#ownHead() }
  }

  /** `bytes` is a view into the batch and must be written before the next batch is decoded. */
  onData(bytes: Uint8Array): void {
    this.#chunks[this.#chunkCount++] = bytes
  }

  onEnd(): void {
    this.#isEnding = true
  }

  /** The stream breaks off with this event, which may be empty and is a view into the batch. */
  onBroken(lastEvent: Uint8Array): void {
    this.#lastEvent = lastEvent
  }

  onResponse(response: WholeResponse): void {
    this.#whole = response
  }

  /** Writes the rows of the current batch. */
  write(): void {
    this.hasRows = false
    if (this.#isDone) return
    this.#res.cork(this.#writeRows)
    if (this.#lastEvent !== undefined) this.#breakOff(this.#lastEvent)
  }

  /** Ends the response with an error, unless all of it has been received already. */
  fail(error: GatewayError): void {
    // A stream whose end was received is complete, however long the client takes to read it.
    if (this.#isDone || this.#isEnding || this.#isBreaking || this.#whole !== undefined) return
    // Nothing but a closed connection marks other bodies as incomplete.
    const { errorDialect } = this.#options
    if (this.#isStreaming)
      return this.#breakOff(this.#isEventStream ? toErrorEvent(error, errorDialect) : NO_BYTES)
    this.#whole = toErrorResponse(error, errorDialect)
    this.#res.cork(this.#writeRows)
  }

  /** Closes the connection of a client that takes no bytes. uWebSockets.js then reports the client as gone. */
  cut(): void {
    if (!this.#isDone) this.#res.close()
  }

  /** The response is over; uWebSockets.js must not be called for it again. */
  finish(): void {
    if (this.#isDone) return
    this.#isDone = true
    this.#options.stalls.forget(this)
    this.#options.observer.onDone()
  }

  readonly #writeRows = (): void => {
    if (this.#head !== undefined) this.#start(this.#head)
    if (this.#chunkCount > 0) this.#writeChunks()
    if (this.#whole !== undefined) this.#writeWhole(this.#whole)
    // A request stays open until its last byte is out, so buffered bytes are waited for.
    else if (this.#isEnding && this.#heldBytes === 0) this.#endStream()
  }

  #start(head: ResponseHead): void {
    this.#head = undefined
    this.#isStreaming = true
    this.#isEventStream = isEventStream(head.headers)
    writeHead(this.#res, head)
    this.#res.onWritable(this.#onWritable)
  }

  #writeChunks(): void {
    let takenBytes = 0
    const heldBefore = this.#heldBytes
    const chunks = this.#chunks
    for (let index = 0; index < this.#chunkCount; index++) {
      const chunk = chunks[index]
      chunks[index] = undefined
      // In chunked encoding an empty chunk ends the body.
      if (chunk === undefined || chunk.length === 0) continue
      if (this.#res.write(chunk)) takenBytes += chunk.length
      else this.#heldBytes += chunk.length
    }
    this.#chunkCount = 0
    if (this.#heldBytes > heldBefore && heldBefore === 0) this.#options.stalls.watch(this)
    if (takenBytes > 0 && !this.#isEnding && !this.#isBreaking) this.#options.observer.onTaken(takenBytes)
  }

  /**
   * Leaves the connection open, even in a drain: to close it after a chunked body, uWebSockets.js would first write a
   * header into that body. A client may send one more request, whose response asks it to close.
   */
  #endStream(): void {
    this.#res.end()
    this.finish()
  }

  /** Under a cork of its own, because only then it is known whether the client has taken what precedes it. */
  #breakOff(lastEvent: Uint8Array): void {
    this.#isBreaking = true
    this.#lastEvent = undefined
    if (this.#isEventStream) this.#endWithWholeChunk(lastEvent)
    else this.onData(lastEvent)
    this.#res.cork(this.#writeRows)
    if (this.#heldBytes === 0) this.#closeBroken()
  }

  /**
   * uWebSockets.js writes the end of a chunk only before the next one, and some clients (urllib3, so requests) drop a chunk
   * without its end. So the last line end is a chunk of its own: then only that one has no end.
   */
  #endWithWholeChunk(lastEvent: Uint8Array): void {
    this.onData(lastEvent.subarray(0, -1))
    this.onData(lastEvent.length === 0 ? EMPTY_LINE : lastEvent.subarray(-1))
  }

  /** Finished first: uWebSockets.js reports every connection that is closed in a response as a client that has left. */
  readonly #closeBroken = (): void => {
    if (this.#isDone) return
    this.finish()
    this.#res.close()
  }

  #writeWhole(response: WholeResponse): void {
    const { status, headers } = response
    const head = { status, headers, ...this.#ownHead() }
    if (writeWhole(this.#res, head, response.body, this.#onPart)) this.finish()
    else this.#options.stalls.watch(this)
  }

  #ownHead(): Pick<ResponseHead, 'requestId' | 'isLast'> {
    return { requestId: this.#options.requestId, isLast: this.#options.drainState.closeConnections }
  }

  /** The client has taken another part of a large body. */
  readonly #onPart = (isAll: boolean): void => {
    if (isAll) this.finish()
    else this.#options.stalls.watch(this)
  }

  /** The send buffer of the client's socket is empty. */
  readonly #onWritable = (): boolean => {
    const held = this.#heldBytes
    this.#heldBytes = 0
    if (held > 0) this.#options.stalls.forget(this)
    // uWebSockets.js still uses its response when this callback returns.
    if (this.#isBreaking) setImmediate(this.#closeBroken)
    else if (this.#isEnding) this.#res.cork(() => this.#endStream())
    else if (held > 0) this.#options.observer.onTaken(held)
    return true
  }
}
