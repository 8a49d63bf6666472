/**
 * All connections of clients: accepted up to a limit, matched with their requests, closed when they are idle for too long.
 * Which ones are closed when there are too many: `waiting-connections.ts`.
 *
 * uWebSockets.js calls back with the head of a request first, without saying on which connection, and then with its data,
 * through the handler of the connection. After the head of a request without a body, or with a `Content-Length`, the first
 * data follows at once, if only an empty part. After the head of a chunked request it may follow at any time: such a head
 * waits for it, one for each address. A second one from the same address takes its connection over at once. Which of the
 * address's idle connections that was is unknown, so those that it may have been are left to the timeout of uWebSockets.js,
 * and none of them is closed from here until it has been used again. They must not fill the limit, so beyond a share of it
 * the oldest are closed instead.
 */
import { monotonicNowMs } from '../../core/clock.ts'
import type { GatewayError } from '../../core/errors.ts'
import type { UwsApp, UwsRequest, UwsResponse } from '../uws/uws.ts'
import { ClientConnection, type ConnectionOwner } from './client-connection.ts'
import { type FramedHead, framingError } from './framing.ts'
import { type Wait, WaitingConnections } from './waiting-connections.ts'

type ClosingReason = 'idle' | 'slow-head' | 'slow-body' | 'full'

export interface ClientConnectionsOptions<Head extends FramedHead> {
  /** Limit of open connections; `Infinity` for none. */
  readonly max: number
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

/** uWebSockets.js counts timeouts in steps of 4 s, up to 240 of them. */
const MAX_APP_TIMEOUT_SECS = 900
const APP_TIMEOUT_STEP_MS = 4000

export class ClientConnections<Head extends FramedHead> implements ConnectionOwner {
  readonly #options: ClientConnectionsOptions<Head>
  readonly #waiting = new WaitingConnections<ClientConnection>()
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
    const intervalMs = Math.min(1000, ...[options.headMs, options.idleMs, options.restMs].map(ms => ms / 4))
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

  get progressBytes(): number {
    return this.#options.progressBytes
  }

  onWaiting(connection: ClientConnection, wait: Wait): void {
    this.#waiting.put(connection, wait, monotonicNowMs())
  }

  onBusy(connection: ClientConnection): void {
    this.#waiting.remove(connection)
  }

  onClosed(connection: ClientConnection): void {
    this.#waiting.remove(connection)
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
    const { victim } = this.#waiting
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
    if (!this.#leaveToApp(address, res)) return
    this.#takeover = { connection: new ClientConnection(res, address, this), head }
    req.setYield(true)
  }

  /**
   * Sets the app's own timeout on the idle connections of the address that may be that of `taken`, but not on that one.
   * Returns `false` if `taken` was among those that had to be closed.
   */
  #leaveToApp(address: string, taken: UwsResponse): boolean {
    const candidates = this.#waiting.idle().filter(idle => idle.address === address && idle.mayHaveBegun)
    const room = this.#waiting.unclearRoom(this.#options.max)
    for (const connection of candidates.splice(0, candidates.length - room)) this.#close(connection, 'full')
    if (addressOf(taken) === '') return false
    const nowMs = monotonicNowMs()
    for (const connection of candidates) {
      const { headMs, idleMs } = this.#options
      this.#setAppTimeout(connection.wait === 'first-head' ? headMs : idleMs)
      this.#waiting.put(connection, 'nobody', nowMs)
      connection.restartAppTimeout()
    }
    this.#app?.setResponseTimeout(0)
    taken.pause()
    taken.resume()
    return true
  }

  #setAppTimeout(limitMs: number): void {
    this.#app?.setResponseTimeout(Math.min(Math.ceil(limitMs / 1000), MAX_APP_TIMEOUT_SECS))
  }

  #close(connection: ClientConnection, reason: ClosingReason): void {
    this.#options.onClosing(reason)
    connection.close()
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
    const { headMs, idleMs, restMs } = this.#options
    const waiting = this.#waiting
    for (const connection of waiting.overdue('first-head', headMs, nowMs))
      this.#close(connection, 'slow-head')
    for (const connection of waiting.overdue('next-head', idleMs, nowMs)) this.#close(connection, 'idle')
    for (const connection of waiting.overdue('rest', restMs, nowMs)) this.#close(connection, 'slow-body')
    // By now the app has closed them, or their connection was taken over.
    const goneMs = Math.max(headMs, idleMs) + 2 * APP_TIMEOUT_STEP_MS
    for (const connection of waiting.overdue('nobody', goneMs, nowMs)) waiting.remove(connection)
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
