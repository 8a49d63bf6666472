/**
 * The front end: HTTP towards clients, rows towards router threads. It runs on the main thread, the one thread that
 * cannot be multiplied, so it never parses the body of a generation request, and searches it only for an abort in the queue.
 *
 * This file connects the parts of the front end and dispatches each request to one of them.
 */
import { hostname } from 'node:os'
import { ChangeGuard } from '../changes/change-guard.ts'
import type { Config } from '../config/config.ts'
import type { GatewayError } from '../core/errors.ts'
import type { ThreadChannel } from '../messages/channel.ts'
import type { Batch } from '../messages/codec.ts'
import { withoutHeader } from '../messages/flat-headers.ts'
import type { FlatHeaders } from '../messages/types.ts'
import type { AdmissionLimits } from './admission/fleet-capacity.ts'
import { ClientConnections } from './connections/client-connections.ts'
import { refuseAtOnce } from './connections/refuse-at-once.ts'
import { OpenExchanges } from './exchanges/open-exchanges.ts'
import type { FrontendOptions } from './frontend-options.ts'
import { refusalOf } from './intake/refusal.ts'
import { forwardedHeaders, type RequestHead, readRequestHead } from './intake/request-head.ts'
import { findRoute } from './intake/routes.ts'
import type { PendingRequest } from './pending/pending-request.ts'
import { PendingRequests } from './pending/pending-requests.ts'
import type { DrainState } from './response/drain-state.ts'
import { HeadResponse } from './response/head-response.ts'
import { LocalResponses } from './response/local-responses.ts'
import { type Listening, listen } from './uws/listen.ts'
import { loadUws, type UwsApp, type UwsResponse } from './uws/uws.ts'

const UNLIMITED: AdmissionLimits = { capacity: () => Infinity, maxLive: Infinity, maxClients: Infinity }

/** @throws Error if the gateway cannot listen on its port or cannot load uWebSockets.js. */
export async function startFrontend(options: FrontendOptions): Promise<Frontend> {
  const { server, limits } = options.config
  const uws = loadUws({
    maxHeaderBytes: limits.headerBytes,
    warn: text => options.log.warn({}, text),
  })
  const app = uws.App()
  const frontend = new Frontend(options, app)
  const listening = await listen(uws, app, server)
  frontend.started(listening)
  options.log.info({ host: server.host, port: listening.port }, 'listening')
  return frontend
}

/** Part of the connections that the descriptors suffice for which is free for new ones, and its size at most. */
const EXCESS_SHARE = 1 / 32
const MAX_EXCESS = 1024

function connectionLimits({ limits, timeouts }: Config, { maxClients }: AdmissionLimits) {
  const excess = Math.min(MAX_EXCESS, Math.floor(maxClients * EXCESS_SHARE))
  return {
    max: Math.min(limits.clientConnections || Infinity, maxClients - excess),
    excess,
    headMs: timeouts.clientHeadMs,
    idleMs: timeouts.clientIdleMs,
    restMs: timeouts.bodyMs,
    progressBytes: limits.bodyProgressBytes,
    acceptsChunks: limits.chunkedBodies === 'accept',
  }
}

export class Frontend {
  readonly #limits: Config['limits']
  readonly #adminPort: number | undefined
  readonly #app: UwsApp
  readonly #guard: ChangeGuard
  readonly #drainState: DrainState = { failReadiness: false, closeConnections: false }
  readonly #localResponses: LocalResponses
  readonly #exchanges: OpenExchanges<PendingRequest>
  readonly #pending: PendingRequests
  readonly #connections: ClientConnections<RequestHead>
  #listening: Listening | undefined

  constructor(options: FrontendOptions, app: UwsApp) {
    const { config, assign, readiness, admissionLimits = UNLIMITED, log, recorder } = options
    const drainState = this.#drainState
    this.#limits = config.limits
    this.#adminPort = options.adminPort
    this.#app = app
    this.#guard = new ChangeGuard(config.admin, hostname())
    this.#localResponses = new LocalResponses({ readiness, drainState, recorder })
    this.#exchanges = new OpenExchanges({
      config,
      assign,
      drainState,
      log,
      recorder,
      onDone: (pending, isGood) => this.#pending.onExchangeDone(pending, isGood),
    })
    this.#pending = new PendingRequests({
      config,
      admissionLimits,
      outage: () => readiness().reason,
      recorder,
      open: pending => this.#exchanges.open(pending),
      refuse: ({ res, head, route }, error) => this.#localResponses.refuse(res, head, error, route),
      onMemoryPressure: () => options.onMemoryPressure?.(),
      collectGarbage: () => options.collectGarbage?.(),
    })
    const headOptions = {
      idHeaders: config.server.requestIdHeaders,
      forwarded: forwardedHeaders(config.policy.keyHeaders),
    }
    this.#connections = new ClientConnections({
      ...connectionLimits(config, admissionLimits),
      readHead: req => readRequestHead(req, headOptions),
      onRequest: (res, head) => this.#accept(res, head),
      onMisframed: (res, head, error) => {
        recorder.count('pdgw_frontend_refused_total', error.code)
        refuseAtOnce(res, head, error)
      },
      onOpenChanged: open => recorder.set('pdgw_frontend_connections', open),
      onClosing: reason => recorder.count('pdgw_frontend_closed_connections_total', reason),
      onFull: limit =>
        log.warn({ limit }, 'as many client connections as allowed: closing those idle for longest'),
    })
    this.#connections.attach(app)
  }

  /** Called by `startFrontend` only. */
  started(listening: Listening): void {
    this.#listening = listening
  }

  /** The port that the front end listens on; 0 before it listens. */
  get port(): number {
    return this.#listening?.port ?? 0
  }

  /** Open requests, including those whose body is still being read. */
  get openRequests(): number {
    return this.#pending.open
  }

  /** Requests in the admission queue. */
  get waitingRequests(): number {
    return this.#pending.waiting
  }

  /** Writes the rows of a router thread to their clients. */
  receive(batch: Batch): void {
    this.#exchanges.receive(batch)
  }

  /** A router thread has died. `wasOrdered` means that it was ended on purpose, so that no request can have killed it. */
  threadLost(channel: ThreadChannel, wasOrdered = false): void {
    this.#exchanges.threadLost(channel, wasOrdered)
  }

  /** Headers of the request with this id; empty when its exchange has ended. */
  headersOf(exchangeId: number): FlatHeaders {
    return this.#exchanges.headersOf(exchangeId)
  }

  /** A router thread has started to take requests. */
  threadReady(): void {
    this.#exchanges.threadReady()
  }

  /** `/readiness` fails from now on; everything else is still served. */
  refuseReadiness(): void {
    this.#drainState.failReadiness = true
  }

  /** Accepts no new connection; the next response on an open one is its last. */
  stopAccepting(): void {
    this.#drainState.closeConnections = true
    this.#listening?.close()
  }

  /** Ends all open requests with the error: queued ones are refused, running ones aborted. */
  endAll(error: GatewayError): void {
    this.#pending.refuseWaiting(error)
    this.#exchanges.endAll(error)
  }

  /** Closes the listener and all connections at once. */
  close(): void {
    this.#listening?.close()
    this.#app.close()
    this.#connections.close()
    this.#pending.close()
    this.#exchanges.close()
  }

  #accept(res: UwsResponse, head: RequestHead): void {
    const route = findRoute(head.path)
    const refusal = refusalOf(head, route, this.#limits, this.#adminPort) ?? this.#changeRefusal(head)
    if (refusal !== undefined) this.#localResponses.refuse(res, head, refusal, route)
    else if (route === undefined) throw new TypeError('A request without a route was not refused')
    else if (route.kind === 'moved') this.#localResponses.moved(res, head, route.to)
    else if (head.method === 'OPTIONS') this.#localResponses.methods(res, head, route)
    else if (route.kind === 'local') this.#localResponses.page(res, head, route.page)
    else if (route.kind === 'exchange') {
      const forwarded = this.#withoutKey(head)
      const overload =
        head.method === 'HEAD'
          ? this.#pending.begin(new HeadResponse(res), { ...forwarded, method: 'GET' }, route)
          : this.#pending.begin(res, forwarded, route)
      if (overload !== undefined) this.#localResponses.refuse(res, head, overload, route)
    }
  }

  /** The key of this gateway is for it alone; any other `Authorization` is for the engines. */
  #withoutKey(head: RequestHead): RequestHead {
    if (head.changeHeaders === undefined) return head
    return {
      ...head,
      headers: withoutHeader(head.headers, 'authorization', value => this.#guard.isKey(value)),
    }
  }

  #changeRefusal({ method, changeHeaders }: RequestHead): GatewayError | undefined {
    if (changeHeaders === undefined || method === 'OPTIONS') return undefined
    return this.#guard.refusalOf({ header: name => changeHeaders.get(name), isLocal: undefined })
  }
}
