/**
 * All connections of clients: accepted up to a limit, matched with their requests, closed when they are idle for too long.
 * Which ones are closed when there are too many: `waiting-connections.ts`.
 *
 * uWebSockets.js calls back with the head of a request first, without saying on which connection, and then with its data,
 * through the handler of the connection. After the head of a request without a body, or with a `Content-Length`, the first
 * data follows at once, if only an empty part. After the head of a chunked request it may follow at any time: such a head
 * waits for it in `chunked-heads.ts`.
 */
import { monotonicNowMs } from '../../core/clock.ts'
import type { GatewayError } from '../../core/errors.ts'
import type { UwsApp, UwsRequest, UwsResponse } from '../uws/uws.ts'
import { ChunkedHeads } from './chunked-heads.ts'
import { ClientConnection, type ConnectionOwner } from './client-connection.ts'
import { ConnectionLimit } from './connection-limit.ts'
import { type FramedHead, framingError } from './framing.ts'
import { type Wait, WaitingConnections } from './waiting-connections.ts'

type ClosingReason = 'idle' | 'slow-head' | 'slow-body' | 'full'

export interface ClientConnectionsOptions<Head extends FramedHead> {
  /** Limit of open connections; `Infinity` for none. */
  readonly max: number
  /** By how many connections it may be exceeded for a moment. */
  readonly excess: number
  /** From the acceptance of a connection to the end of its first request head. */
  readonly headMs: number
  /** From the end of a response to the end of the next request head. */
  readonly idleMs: number
  /** From a response that comes before the end of its request's body to that end. */
  readonly restMs: number
  /** Bytes of a body that count as progress. */
  readonly progressBytes: number
  readonly acceptsChunks: boolean
  /** Must take from the request what it needs: it is valid only during the call. */
  readonly readHead: (req: UwsRequest) => Head
  /** A request has begun. Its response is written to `res`, which also delivers its body. */
  readonly onRequest: (res: UwsResponse, head: Head) => void
  /** Nothing of the request can be relied upon: the error must be sent and the connection closed before the call returns. */
  readonly onMisframed: (res: UwsResponse, head: Head, error: GatewayError) => void
  readonly onOpenChanged: (open: number) => void
  /** A connection is about to be closed. */
  readonly onClosing: (reason: ClosingReason) => void
  /** The limit has been reached. Not called again while the number of connections stays above half of it. */
  readonly onFull: (limit: number) => void
}

interface Incoming<Head> {
  readonly res: UwsResponse
  readonly head: Head
  readonly sinceMs: number
}

export class ClientConnections<Head extends FramedHead> implements ConnectionOwner {
  readonly progressBytes: number
  readonly #options: ClientConnectionsOptions<Head>
  readonly #waiting = new WaitingConnections<ClientConnection>()
  readonly #timer: NodeJS.Timeout
  readonly #limit: ConnectionLimit
  #closings = 0
  /** The connection that was closed last. Valid while its end is being reported: its own object is not valid then. */
  #closing: UwsResponse | undefined
  /** Connections whose handler for data is to be registered again. */
  readonly #deaf: ClientConnection[] = []
  /** The request whose first data follows at once. */
  #incoming: Incoming<Head> | undefined
  /** Chunked requests without data so far. */
  readonly #chunked = new ChunkedHeads<Incoming<Head>>()

  constructor(options: ClientConnectionsOptions<Head>) {
    this.#options = options
    this.progressBytes = options.progressBytes
    const { max, excess, onFull } = options
    const closeOne = (sinceMs: number) => this.#closeOne(sinceMs)
    this.#limit = new ConnectionLimit({ max, excess, closeOne, onFull, nowMs: monotonicNowMs })
    const intervalMs = Math.min(1000, ...[options.headMs, options.idleMs, options.restMs].map(ms => ms / 4))
    this.#timer = setInterval(() => this.#sweep(monotonicNowMs()), intervalMs)
    this.#timer.unref()
  }

  /** Takes all connections and requests of the app. The app's own timeouts are turned off. */
  attach(app: UwsApp): void {
    app.setIdleTimeout(0)
    app.setResponseTimeout(0)
    app.filter((handle, change) => {
      if (change > 0) this.#accept(handle)
      else this.#countClosing(handle)
    })
    app.any('/*', (res, req) => this.#onHead(res, req))
  }

  /** Number of connections that have been closed. */
  get closings(): number {
    return this.#closings
  }

  close(): void {
    clearInterval(this.#timer)
    this.#chunked.close()
  }

  onWaiting(connection: ClientConnection, wait: Wait): void {
    this.#waiting.put(connection, wait, monotonicNowMs())
  }

  onBusy(connection: ClientConnection): void {
    this.#waiting.remove(connection)
  }

  onClosed(connection: ClientConnection): void {
    this.#waiting.remove(connection)
    this.#chunked.onConnectionClosed(
      connection.address,
      () => this.#closing !== undefined && addressOf(this.#closing) !== '',
    )
    // A head that its own request handler has accepted may be refused by uWebSockets.js right after.
    this.#incoming = undefined
  }

  onHandlerLost(connection: ClientConnection): void {
    if (this.#deaf.length === 0) setImmediate(() => this.#listenAgain())
    this.#deaf.push(connection)
  }

  dropHead(): void {
    this.#incoming = undefined
  }

  onFirstPart(connection: ClientConnection): boolean {
    const incoming = this.#incoming ?? this.#chunked.take(connection.address)
    if (incoming === undefined) return false
    this.#incoming = undefined
    const { res, head } = incoming
    this.#options.onRequest(connection.begin(res, isChunked(head)), head)
    return true
  }

  #accept(handle: UwsResponse): void {
    const hasRoom = this.#limit.add()
    const connection = new ClientConnection(handle, addressOf(handle), this)
    // uWebSockets.js has not finished its own work on a connection that it reports as new.
    if (!hasRoom) setImmediate(() => this.#close(connection, 'full'))
    this.#options.onOpenChanged(this.#limit.open)
  }

  #closeOne(sinceMs: number): 'closed' | 'too-young' | 'none' {
    const { victim } = this.#waiting
    if (victim === undefined) return 'none'
    if ((victim.waitingSinceMs ?? Infinity) > sinceMs) return 'too-young'
    this.#close(victim, 'full')
    return 'closed'
  }

  #listenAgain(): void {
    for (const connection of this.#deaf.splice(0)) connection.listen()
  }

  #countClosing(handle: UwsResponse): void {
    this.#closing = handle
    this.#closings++
    this.#limit.remove()
    this.#options.onOpenChanged(this.#limit.open)
  }

  #onHead(res: UwsResponse, req: UwsRequest): void {
    // The request may follow on one of them, in the same read.
    if (this.#deaf.length > 0) this.#listenAgain()
    const head = this.#options.readHead(req)
    const error = framingError(head, this.#options.acceptsChunks)
    if (error !== undefined) return this.#options.onMisframed(res, head, error)
    const incoming = { res, head, sinceMs: monotonicNowMs() }
    if (!isChunked(head)) {
      this.#incoming = incoming
      return
    }
    const address = addressOf(res)
    // The client has reset the connection in the meantime. The head could not be found again by its address.
    if (address === '') return void res.close()
    const surplus = this.#chunked.add(address, incoming)
    if (surplus !== undefined) this.#closeHead(surplus, 'full')
  }

  #close(connection: ClientConnection, reason: ClosingReason): void {
    this.#options.onClosing(reason)
    connection.close()
  }

  #closeHead({ res }: Incoming<Head>, reason: ClosingReason): void {
    this.#options.onClosing(reason)
    res.close()
  }

  #sweep(nowMs: number): void {
    const { headMs, idleMs, restMs } = this.#options
    const waiting = this.#waiting
    for (const connection of waiting.overdue('first-head', headMs, nowMs))
      this.#close(connection, 'slow-head')
    for (const connection of waiting.overdue('next-head', idleMs, nowMs)) this.#close(connection, 'idle')
    for (const connection of waiting.overdue('rest', restMs, nowMs)) this.#close(connection, 'slow-body')
    for (const head of this.#chunked.takeOverdue(nowMs - headMs)) this.#closeHead(head, 'slow-head')
  }
}

function isChunked(head: FramedHead): boolean {
  return head.transferEncoding !== undefined
}

function addressOf(res: UwsResponse): string {
  return Buffer.from(res.getRemoteAddressAsText()).toString('latin1')
}
