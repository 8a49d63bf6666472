/**
 * The front end: HTTP on one side, rows for router threads on the other. Runs on the main thread, which is what does
 * not scale: nothing here looks into a body.
 *
 * This file joins its parts and sends each request to one of them. Which thread gets a request, and whether any engine
 * is usable, is passed in as functions.
 */
import type { GatewayError } from '../core/errors.ts'
import type { ThreadChannel } from '../messages/channel.ts'
import type { Batch } from '../messages/codec.ts'
import type { FlatHeaders } from '../messages/types.ts'
import type { AdmissionLimits } from './admission/fleet-capacity.ts'
import { OpenExchanges } from './exchanges/open-exchanges.ts'
import type { FrontendOptions } from './frontend-options.ts'
import { refusalOf } from './intake/refusal.ts'
import { type RequestHead, readRequestHead } from './intake/request-head.ts'
import { findRoute } from './intake/routes.ts'
import type { PendingRequest } from './pending/pending-request.ts'
import { PendingRequests } from './pending/pending-requests.ts'
import type { DrainState } from './response/drain-state.ts'
import { LocalResponses } from './response/local-responses.ts'
import { type Listening, listen } from './uws/listen.ts'
import { loadUws, type UwsApp, type UwsResponse } from './uws/uws.ts'

const UNLIMITED: AdmissionLimits = { capacity: () => Infinity, maxLive: Infinity, maxClients: Infinity }

/** @throws Error when the port cannot be had or uWebSockets.js cannot be loaded. */
export async function startFrontend(options: FrontendOptions): Promise<Frontend> {
  const { server, limits } = options.config
  const uws = loadUws({ maxHeaderBytes: limits.headerBytes })
  const app = uws.App()
  const frontend = new Frontend(options, app)
  const listening = await listen(uws, app, server)
  frontend.started(listening)
  options.log.info({ host: server.host, port: listening.port }, 'listening')
  return frontend
}

export class Frontend {
  readonly #bodyBytes: number
  readonly #app: UwsApp
  readonly #drainState: DrainState = { failReadiness: false, closeConnections: false }
  readonly #localResponses: LocalResponses
  readonly #exchanges: OpenExchanges<PendingRequest>
  readonly #pending: PendingRequests
  #listening: Listening | undefined

  constructor(options: FrontendOptions, app: UwsApp) {
    const { config, assign, readiness, admissionLimits = UNLIMITED, log, recorder } = options
    const drainState = this.#drainState
    this.#bodyBytes = config.limits.bodyBytes
    this.#app = app
    this.#localResponses = new LocalResponses({ readiness, drainState, recorder })
    this.#exchanges = new OpenExchanges({
      config,
      assign,
      drainState,
      log,
      recorder,
      onDone: pending => this.#pending.onExchangeDone(pending),
    })
    this.#pending = new PendingRequests({
      config,
      admissionLimits,
      recorder,
      open: pending => this.#exchanges.open(pending),
      refuse: ({ res, head, route }, error) => this.#localResponses.refuse(res, head, error, route),
      onMemoryPressure: () => options.onMemoryPressure?.(),
    })
    app.any('/*', (res, req) => this.#accept(res, readRequestHead(req)))
  }

  /** For `startFrontend` alone. */
  started(listening: Listening): void {
    this.#listening = listening
  }

  get port(): number {
    return this.#listening?.port ?? 0
  }

  /** Requests in the house, bodies still being read included. */
  get openRequests(): number {
    return this.#pending.open
  }

  /** Of these, the ones that wait for their turn. */
  get waitingRequests(): number {
    return this.#pending.waiting
  }

  /** Rows of a router thread. */
  receive(batch: Batch): void {
    this.#exchanges.receive(batch)
  }

  /** The thread is gone; `wasOrdered`: no request can have killed it. */
  threadLost(channel: ThreadChannel, wasOrdered = false): void {
    this.#exchanges.threadLost(channel, wasOrdered)
  }

  /** Headers of the request with this id, while it is open. */
  headersOf(exchangeId: number): FlatHeaders {
    return this.#exchanges.headersOf(exchangeId)
  }

  /** One more thread takes requests. */
  threadReady(): void {
    this.#exchanges.threadReady()
  }

  /** `/readiness` says no from now on; everything is still served. */
  refuseReadiness(): void {
    this.#drainState.failReadiness = true
  }

  /** New connections are refused; on open ones the next answer is the last. */
  stopAccepting(): void {
    this.#drainState.closeConnections = true
    this.#listening?.close()
  }

  /** Every exchange is aborted, and ends with the error; who waits for a turn is refused with it. */
  endAll(error: GatewayError): void {
    this.#pending.refuseWaiting(error)
    this.#exchanges.endAll(error)
  }

  /** Destroys what is open. */
  close(): void {
    this.#listening?.close()
    this.#app.close()
    this.#pending.close()
    this.#exchanges.close()
  }

  #accept(res: UwsResponse, head: RequestHead): void {
    const route = findRoute(head.path)
    const refusal = refusalOf(head, route, this.#bodyBytes)
    if (refusal !== undefined) this.#localResponses.refuse(res, head, refusal, route)
    else if (route === undefined) throw new TypeError('a request without a route was not refused')
    else if (head.method === 'OPTIONS') this.#localResponses.methods(res, head, route)
    else if (route.kind === 'local') this.#localResponses.page(res, head, route.page)
    else if (route.kind === 'exchange') {
      const full = this.#pending.begin(res, head, route)
      if (full !== undefined) this.#localResponses.refuse(res, head, full, route)
    }
  }
}
