/**
 * All connections of clients: accepted up to a limit, matched with their requests, closed when they are idle for too long.
 * Closes the oldest idle ones first when there are too many.
 *
 * uWebSockets.js calls back with the head of a request first, without saying on which connection, and then with its data,
 * through the handler of the connection. After the head of a request without a body, or with a `Content-Length`, the first
 * data follows at once, if only an empty part. After the head of a chunked request it may follow at any time: such a head
 * waits for it, one for each address. A second one from the same address takes its connection over at once. Which of the
 * address's idle connections that was is unknown, so all of them are left to the timeout of uWebSockets.js, and none is
 * closed from here until it has been used again.
 */
import { monotonicNowMs } from '../../core/clock.ts'
import { GatewayError } from '../../core/errors.ts'
import type { UwsApp, UwsRequest, UwsResponse } from '../uws/uws.ts'
import { ClientConnection, type ConnectionOwner } from './client-connection.ts'
import { type FramedHead, framingError } from './framing.ts'
import { IdleList } from './idle-list.ts'

type ClosingReason = 'idle' | 'slow-head' | 'full'

export interface ClientConnectionsOptions<Head extends FramedHead> {
  /** Limit of open connections; `Infinity` for none. */
  readonly max: number
  /** From the acceptance of a connection to the end of its first request head. */
  readonly headMs: number
  /** From the end of a response to the end of the next request head. */
  readonly idleMs: number
  readonly acceptsChunks: boolean
  /** Must take from the request what it needs: it is valid only during the call. */
  readonly readHead: (req: UwsRequest) => Head
  /** A request has begun. Its response is written to `res`, which also delivers its body. */
  readonly onRequest: (res: UwsResponse, head: Head) => void
  /** Nothing of the request can be relied upon: the error must be sent and the connection closed before the call returns. */
  readonly onMisframed: (res: UwsResponse, head: Head, error: GatewayError) => void
  readonly onOpenChanged: (open: number) => void
  /** An idle connection is about to be closed. */
  readonly onClosing: (reason: ClosingReason) => void
  /** The limit has been reached. Not called again while the number of connections stays above half of it. */
  readonly onFull: (limit: number) => void
}

interface Incoming<Head> {
  readonly res: UwsResponse
  readonly head: Head
  readonly sinceMs: number
}

/** Bounds the work that one chunked request can cause. */
const MAX_CANDIDATES = 512
/** uWebSockets.js counts timeouts in steps of 4 s, up to 240 of them. */
const MAX_APP_TIMEOUT_SECS = 900

function tooManyIdle(): GatewayError {
  const message = `More than ${MAX_CANDIDATES} idle connections of one address: send a Content-Length instead of chunks`
  return new GatewayError('overloaded', message, { retryAfterMs: 1000 })
}

export class ClientConnections<Head extends FramedHead> implements ConnectionOwner {
  readonly #options: ClientConnectionsOptions<Head>
  readonly #idle = new IdleList<ClientConnection>()
  readonly #timer: NodeJS.Timeout
  #app: UwsApp | undefined
  #open = 0
  #closings = 0
  #isFull = false
  /** Connections whose handler for data is to be registered again. */
  readonly #deaf: ClientConnection[] = []
  /** The request whose first data follows at once. */
  #incoming: Incoming<Head> | undefined
  /** Chunked requests without data so far, by the address of the client. */
  readonly #chunked = new Map<string, Incoming<Head>>()
  /** Set between the two handlers of a request that takes its connection over. */
  #takeover: { readonly connection: ClientConnection; readonly head: Head } | undefined

  constructor(options: ClientConnectionsOptions<Head>) {
    this.#options = options
    const intervalMs = Math.min(1000, options.headMs / 4, options.idleMs / 4)
    this.#timer = setInterval(() => this.#sweep(monotonicNowMs()), intervalMs)
    this.#timer.unref()
  }

  /** Takes all connections and requests of the app. The app's own timeouts are turned off. */
  attach(app: UwsApp): void {
    this.#app = app
    app.setIdleTimeout(0)
    app.setResponseTimeout(0)
    app.filter((handle, change) => {
      if (change > 0) this.#accept(handle)
      else this.#countClosing()
    })
    app.post('/*', (res, req) => this.#onHead(res, req))
    app.put('/*', (res, req) => this.#onHead(res, req))
    // Any other method, and what the handlers above pass on.
    app.any('/*', (res, req) => (this.#takeover === undefined ? this.#onHead(res, req) : this.#takeOver(res)))
  }

  /** Number of connections that have been closed. */
  get closings(): number {
    return this.#closings
  }

  close(): void {
    clearInterval(this.#timer)
  }

  onIdle(connection: ClientConnection): void {
    this.#idle.add(connection, monotonicNowMs())
  }

  onBusy(connection: ClientConnection): void {
    this.#idle.remove(connection)
  }

  onClosed(connection: ClientConnection): void {
    this.#idle.remove(connection)
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
    const incoming = this.#incoming ?? this.#chunked.get(connection.address)
    if (incoming === undefined) return false
    if (incoming === this.#incoming) this.#incoming = undefined
    else this.#chunked.delete(connection.address)
    const { res, head } = incoming
    this.#options.onRequest(connection.begin(res, isChunked(head)), head)
    return true
  }

  #accept(handle: UwsResponse): void {
    this.#options.onOpenChanged(++this.#open)
    const connection = new ClientConnection(handle, addressOf(handle), this)
    if (this.#open <= this.#options.max) return
    this.#options.onClosing('full')
    if (!this.#isFull) this.#options.onFull(this.#options.max)
    this.#isFull = true
    const victim = this.#idle.oldest
    if (victim !== undefined && victim !== connection) victim.close()
    // uWebSockets.js has not finished its own work on a connection that it reports as new.
    else setImmediate(() => connection.close())
  }

  #listenAgain(): void {
    for (const connection of this.#deaf.splice(0)) connection.listen()
  }

  #countClosing(): void {
    this.#closings++
    this.#options.onOpenChanged(--this.#open)
    if (this.#open < this.#options.max / 2) this.#isFull = false
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
    if (!this.#chunked.has(address)) {
      this.#chunked.set(address, incoming)
      return
    }
    // Only these two methods have a second handler. No other has a body, so no response is owed.
    if (head.method !== 'POST' && head.method !== 'PUT') return void res.close()
    const candidates = this.#idle.all().filter(idle => idle.address === address)
    if (candidates.length > MAX_CANDIDATES) return this.#options.onMisframed(res, head, tooManyIdle())
    this.#leaveToApp(candidates, res)
    this.#takeover = { connection: new ClientConnection(res, address, this), head }
    req.setYield(true)
  }

  /** Sets the app's own timeout on the connections, but not on that of `taken`, which may be one of them. */
  #leaveToApp(connections: readonly ClientConnection[], taken: UwsResponse): void {
    const idleSecs = Math.min(Math.ceil(this.#options.idleMs / 1000), MAX_APP_TIMEOUT_SECS)
    this.#app?.setResponseTimeout(idleSecs)
    for (const connection of connections) {
      this.#idle.remove(connection)
      connection.restartAppTimeout()
    }
    this.#app?.setResponseTimeout(0)
    taken.pause()
    taken.resume()
  }

  /** Gets another object for the same connection, which remains valid while the first one serves the response. */
  #takeOver(res: UwsResponse): void {
    const takeover = this.#takeover
    if (takeover === undefined) return
    this.#takeover = undefined
    const { connection, head } = takeover
    this.#options.onRequest(connection.begin(res, true), head)
  }

  #sweep(nowMs: number): void {
    const { headMs, idleMs } = this.#options
    for (const connection of this.#idle.all()) {
      const idleForMs = nowMs - (connection.idleSinceMs ?? nowMs)
      if (idleForMs < Math.min(headMs, idleMs)) break
      if (idleForMs < (connection.isFresh ? headMs : idleMs)) continue
      this.#options.onClosing(connection.isFresh ? 'slow-head' : 'idle')
      connection.close()
    }
    for (const [address, { sinceMs }] of this.#chunked) {
      if (nowMs - sinceMs > headMs) this.#chunked.delete(address)
    }
  }
}

function isChunked(head: FramedHead): boolean {
  return head.transferEncoding !== undefined
}

function addressOf(res: UwsResponse): string {
  return Buffer.from(res.getRemoteAddressAsText()).toString('latin1')
}
