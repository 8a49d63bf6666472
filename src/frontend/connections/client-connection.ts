/**
 * One connection of a client, from its acceptance to its end.
 *
 *   idle ──first part of a request──▶ busy ──response ended, body received──▶ resting ──listening again──▶ idle
 *                                       └──response ended, and it is the last──▶ closing
 *   any ──closed by either side──▶ closed
 *
 * A response may end before the body of its request. The connection is then closed when the rest of the body has come.
 *
 * uWebSockets.js gives a connection no identity: the object of one request says nothing about the connection or about the
 * next request on it. What belongs to a connection are its two handlers, for data and for its end. The connection keeps
 * both registered and passes their calls on to the request under way.
 */
import type { UwsResponse } from '../uws/uws.ts'
import { type BodyHandler, ConnectionResponse, type RespondingConnection } from './connection-response.ts'
import type { Wait, WaitingConnection } from './waiting-connections.ts'

export interface ConnectionOwner {
  /** Counts the connections that have closed. */
  readonly closings: number
  /** Bytes of a body that count as progress. */
  readonly progressBytes: number
  /** The first part of a request is about to be delivered: calls `begin`, or returns `false` if no head is known for it. */
  onFirstPart(connection: ClientConnection): boolean
  /** The client is to send something next, or has made progress with it. */
  onWaiting(connection: ClientConnection, wait: Wait): void
  /** Nothing is expected of the client now. */
  onBusy(connection: ClientConnection): void
  onClosed(connection: ClientConnection): void
  /** `listen` is due before the next head is read, but not within the present call. */
  onHandlerLost(connection: ClientConnection): void
  /** Forgets the head whose data is being delivered. */
  dropHead(): void
}

export class ClientConnection implements WaitingConnection<ClientConnection>, RespondingConnection {
  older: ClientConnection | undefined
  newer: ClientConnection | undefined
  waitingSinceMs: number | undefined
  wait: Wait | undefined
  /** The address of the client. Connections of one client share it. */
  readonly address: string
  /** Valid until the connection is closed, while the object of a request is valid until its response ends. */
  readonly #handle: UwsResponse
  readonly #owner: ConnectionOwner
  #state: 'idle' | 'busy' | 'resting' | 'closing' | 'closed' = 'resting'
  #onBody: BodyHandler | undefined
  #onAborted: (() => void) | undefined
  #isBodyComplete = false
  #isDelivering = false
  #isLast = false
  /** Whether it has not carried a request yet. */
  #isFresh = true
  /** Bytes of the body since progress was last reported. */
  #bodyBytes = 0

  constructor(handle: UwsResponse, address: string, owner: ConnectionOwner) {
    this.#handle = handle
    this.address = address
    this.#owner = owner
    handle.onAborted(this.#onGone)
    this.listen()
  }

  /** Starts a request, and returns what its response is written to. `isLast`: the connection ends with the response. */
  begin(res: UwsResponse, isLast: boolean): UwsResponse {
    this.#state = 'busy'
    this.#isFresh = false
    this.#isLast = isLast
    if (this.#isBodyComplete) this.#owner.onBusy(this)
    else this.#owner.onWaiting(this, 'body')
    return new ConnectionResponse(res, this)
  }

  /**
   * Whether the response being written is the last on this connection, because the rest of the body would stand before the
   * next request, or its framing cannot be relied upon.
   */
  get isLastResponse(): boolean {
    return this.#isLast || !this.#isBodyComplete
  }

  get isClosed(): boolean {
    return this.#state === 'closed'
  }

  /** Whether the client has not sent all of its body yet. */
  get isReceiving(): boolean {
    return !this.#isBodyComplete
  }

  get closings(): number {
    return this.#owner.closings
  }

  setHandlers(onBody: BodyHandler | undefined, onAborted: (() => void) | undefined): void {
    this.#onBody = onBody ?? this.#onBody
    this.#onAborted = onAborted ?? this.#onAborted
  }

  /** The response has ended. `wasClosed`: uWebSockets.js has closed the connection in the same call. */
  onResponseEnd(wasClosed: boolean): void {
    if (this.#state === 'closed') return
    this.#onBody = undefined
    this.#onAborted = undefined
    if (wasClosed) return this.#onGone()
    this.#handle.onAborted(this.#onGone)
    this.#state = this.#isBodyComplete && !this.#isLast ? 'resting' : 'closing'
    // Later, because the end of the response has not been sent yet.
    if (this.#isLast && this.#isBodyComplete) setImmediate(() => this.close())
    if (!this.#isBodyComplete) return this.#owner.onWaiting(this, 'rest')
    // After the last part uWebSockets.js forgets the handler that it calls with it.
    if (this.#isDelivering) this.#owner.onHandlerLost(this)
    else this.listen()
  }

  /** Registers the handler for data again. A connection that rests is idle from now on. */
  listen(): void {
    if (this.#state === 'closed') return
    this.#handle.onData(this.#onData)
    if (this.#state !== 'resting') return
    this.#state = 'idle'
    this.#owner.onWaiting(this, this.#isFresh ? 'first-head' : 'next-head')
  }

  /** Closes the connection at once. */
  close(): void {
    if (this.#state !== 'closed') this.#handle.close()
  }

  readonly #onData = (chunk: ArrayBuffer, isLast: boolean): void => {
    const isBodyOfEarlyResponse = this.#state === 'closing' && !this.#isBodyComplete
    // A request that follows the last one is not executed.
    if (this.#state === 'closing' && this.#isBodyComplete) return this.#owner.dropHead()
    this.#isBodyComplete = isLast
    this.#isDelivering = true
    if (this.#state === 'idle' && !this.#owner.onFirstPart(this)) this.close()
    else if (this.wait === 'body') this.#noteProgress(chunk.byteLength, isLast)
    this.#onBody?.(chunk, isLast)
    this.#isDelivering = false
    if (!isLast || !isBodyOfEarlyResponse) return
    this.#owner.onHandlerLost(this)
    setImmediate(() => this.close())
  }

  #noteProgress(bytes: number, isLast: boolean): void {
    this.#bodyBytes += bytes
    if (isLast) return this.#owner.onBusy(this)
    if (this.#bodyBytes < this.#owner.progressBytes) return
    this.#bodyBytes = 0
    this.#owner.onWaiting(this, 'body')
  }

  readonly #onGone = (): void => {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#owner.onClosed(this)
    this.#onAborted?.()
  }
}
