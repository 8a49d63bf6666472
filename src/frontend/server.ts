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
import type { FrontendPlaces } from './admission/fleet-capacity.ts'
import { OpenExchanges } from './exchanges/open-exchanges.ts'
import type { FrontendOptions } from './frontend-options.ts'
import { refusalOf } from './intake/refusal.ts'
import { type Intake, readIntake } from './intake/request-head.ts'
import { findRoute } from './intake/routes.ts'
import { Visits } from './pending/pending-requests.ts'
import type { Closing } from './response/drain-state.ts'
import { LocalAnswers } from './response/local-responses.ts'
import { type Listening, listen } from './uws/listen.ts'
import { loadUws, type UwsApp, type UwsResponse } from './uws/uws.ts'

const NO_BOUND: FrontendPlaces = { capacity: () => Infinity, maxLive: Infinity, maxClients: Infinity }

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
  readonly #closing: Closing = { isUnready: false, isLastAnswer: false }
  readonly #answers: LocalAnswers
  readonly #exchanges: OpenExchanges
  readonly #visits: Visits
  #listening: Listening | undefined

  constructor(options: FrontendOptions, app: UwsApp) {
    const { config, assign, readiness, places = NO_BOUND, log, recorder } = options
    const closing = this.#closing
    this.#bodyBytes = config.limits.bodyBytes
    this.#app = app
    this.#answers = new LocalAnswers({ readiness, closing, recorder })
    this.#exchanges = new OpenExchanges({
      config,
      assign,
      closing,
      log,
      recorder,
      onOver: hasPlace => this.#visits.exchangeOver(hasPlace),
    })
    this.#visits = new Visits({
      config,
      places,
      recorder,
      open: (visit, hasPlace) => this.#exchanges.open(visit, hasPlace),
      refuse: ({ res, intake, route }, error) => this.#answers.refuse(res, intake, error, route),
      onMemoryShort: () => options.onMemoryShort?.(),
    })
    app.any('/*', (res, req) => this.#accept(res, readIntake(req)))
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
    return this.#visits.open
  }

  /** Of these, the ones that wait for their turn. */
  get waitingRequests(): number {
    return this.#visits.waiting
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
    this.#closing.isUnready = true
  }

  /** New connections are refused; on open ones the next answer is the last. */
  stopAccepting(): void {
    this.#closing.isLastAnswer = true
    this.#listening?.close()
  }

  /** Every exchange is aborted, and ends with the error; who waits for a turn is refused with it. */
  endAll(error: GatewayError): void {
    this.#visits.refuseWaiting(error)
    this.#exchanges.endAll(error)
  }

  /** Destroys what is open. */
  close(): void {
    this.#listening?.close()
    this.#app.close()
    this.#visits.close()
    this.#exchanges.close()
  }

  #accept(res: UwsResponse, intake: Intake): void {
    const route = findRoute(intake.path)
    const refusal = refusalOf(intake, route, this.#bodyBytes)
    if (refusal !== undefined) this.#answers.refuse(res, intake, refusal, route)
    else if (route === undefined) throw new TypeError('a request without a route was not refused')
    else if (intake.method === 'OPTIONS') this.#answers.methods(res, intake, route)
    else if (route.kind === 'local') this.#answers.page(res, intake, route.page)
    else if (route.kind === 'exchange') {
      const full = this.#visits.begin(res, intake, route)
      if (full !== undefined) this.#answers.refuse(res, intake, full, route)
    }
  }
}
