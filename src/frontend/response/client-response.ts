/**
 * The response to one client: rows of a router thread are collected while a batch is decoded, then written under one
 * cork. Hot path: creates no closure, string or array per chunk.
 *
 *   waiting ──head──▶ streaming ──end──▶ done
 *      │                  └──failure──▶ error events or a cut connection ──▶ done
 *      └──whole response or failure──▶ done (a large body: once the client has taken it)
 *
 * A client that reads slowly earns no credit: bytes that uWebSockets.js buffers count as taken only when it has sent
 * them. Which thread sends the rows is not known here, see `client-exchange.ts`.
 */
import { toErrorEvents, toErrorResponse } from '../../core/error-response.ts'
import type { GatewayError } from '../../core/errors.ts'
import type { StallDetector } from '../../core/stall-detector.ts'
import { isEventStream } from '../../messages/flat-headers.ts'
import type { FlatHeaders, WholeResponse } from '../../messages/types.ts'
import type { UwsResponse } from '../uws/uws.ts'
import type { DrainState } from './drain-state.ts'
import { type ResponseHead, writeHead, writeWholeBody } from './write-response.ts'

export interface ClientResponseOptions {
  readonly res: UwsResponse
  readonly requestId: string
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

export class ClientResponse {
  readonly #options: ClientResponseOptions
  readonly #res: UwsResponse
  /** Emptied by `#chunkCount`: setting `length` to 0 would free the array's memory, to be allocated again by the next chunk. */
  readonly #chunks: (Uint8Array | undefined)[] = []
  #chunkCount = 0
  #head: ResponseHead | undefined
  #whole: WholeResponse | undefined
  #isEnding = false
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

  onResponse(response: WholeResponse): void {
    this.#whole = response
  }

  /** Writes the rows of the current batch. */
  write(): void {
    this.hasRows = false
    if (!this.#isDone) this.#res.cork(this.#writeRows)
  }

  /** Ends the response with an error, unless all of it has been received already. */
  fail(error: GatewayError): void {
    // A stream whose end was received is complete, however long the client takes to read it.
    if (this.#isDone || this.#isEnding || this.#whole !== undefined) return
    this.#res.cork(() => {
      if (!this.#isStreaming) {
        this.#whole = toErrorResponse(error)
        this.#writeRows()
      } else if (this.#isEventStream) {
        this.#res.write(toErrorEvents(error))
        this.#endStream()
      } else {
        // Nothing but a closed connection marks this body as incomplete.
        this.#res.close()
      }
    })
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
    if (takenBytes > 0 && !this.#isEnding) this.#options.observer.onTaken(takenBytes)
  }

  #endStream(): void {
    this.#res.end(undefined, this.#options.drainState.closeConnections)
    this.finish()
  }

  #writeWhole(response: WholeResponse): void {
    const { status, headers } = response
    writeHead(this.#res, { status, headers, ...this.#ownHead() })
    if (writeWholeBody(this.#res, response.body, this.#onPart)) this.finish()
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
    if (this.#isEnding) this.#res.cork(() => this.#endStream())
    else if (held > 0) this.#options.observer.onTaken(held)
    return true
  }
}
