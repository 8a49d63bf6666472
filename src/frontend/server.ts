/**
 * The front end: HTTP on one side, rows for router threads on the other. Runs on the main thread, which is what does
 * not scale: nothing here looks into a body.
 *
 * Which thread gets a request, and whether any engine is usable, is passed in as functions.
 */
import type { Config } from '../config/config.ts'
import { abortedError, isMeant, readAbortOrder } from '../core/abort-order.ts'
import { monotonicNowMs } from '../core/clock.ts'
import { isGeneration } from '../core/endpoint.ts'
import { GatewayError } from '../core/errors.ts'
import type { ThreadChannel } from '../messages/channel.ts'
import { type Batch, decodeBatch, type RowSink } from '../messages/codec.ts'
import { ExchangeIds, ExchangeTable } from '../messages/exchange-ids.ts'
import type { FlatHeaders } from '../messages/types.ts'
import type { Logger } from '../telemetry/log.ts'
import type { Recorder } from '../telemetry/recorder.ts'
import { Admission } from './admission.ts'
import { Ticket } from './admission-queue.ts'
import type { Closing } from './closing.ts'
import { type ErrorReply, toErrorReply } from './error-reply.ts'
import { Exchange } from './exchange.ts'
import { bodyTooLarge, checkContentType, type Intake, readBody, readIntake } from './intake.ts'
import { type Listening, listen } from './listen.ts'
import { MemoryGuard } from './memory-guard.ts'
import { writeHead } from './reply.ts'
import { allowedMethods, findRoute, type LocalPage, type Route } from './routes.ts'
import { StallSweep } from './stall-sweep.ts'
import { Unassigned } from './unassigned.ts'
import { loadUws, type UwsApp, type UwsResponse } from './uws.ts'

export interface Readiness {
  readonly isReady: boolean
  readonly healthyEngines: number
  readonly totalEngines: number
  /** Why not. */
  readonly reason?: string
}

interface FrontendPlaces {
  readonly capacity: () => number
  readonly maxLive: number
  /** Connections of clients that there are descriptors for. */
  readonly maxClients: number
}

const NO_BOUND: FrontendPlaces = { capacity: () => Infinity, maxLive: Infinity, maxClients: Infinity }

export interface FrontendOptions {
  readonly config: Config
  /** The thread for the next request; `undefined` when there is none. */
  readonly assign: () => ThreadChannel | undefined
  readonly readiness: () => Readiness
  /** How much may be at work at once, see `AdmissionOptions`. No bound when absent. */
  readonly places?: FrontendPlaces
  readonly log: Logger
  /** Of the main thread's row. */
  readonly recorder: Recorder
}

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

type ExchangeRoute = Extract<Route, { kind: 'exchange' }>

export class Frontend {
  readonly #options: FrontendOptions
  readonly #app: UwsApp
  readonly #admission: Admission<Visit>
  readonly #memory: MemoryGuard
  readonly #ids = new ExchangeIds()
  /** Those that router threads work on. */
  readonly #exchanges = new ExchangeTable<Exchange>()
  readonly #unassigned: Unassigned
  readonly #touched: Exchange[] = []
  readonly #stalledClients: StallSweep<Exchange>
  readonly #stalledUploads: StallSweep<() => void>
  readonly #closing: Closing = { isUnready: false, isLastAnswer: false }
  #listening: Listening | undefined

  constructor(options: FrontendOptions, app: UwsApp) {
    this.#options = options
    this.#app = app
    const { reopens } = options.config.limits
    this.#memory = new MemoryGuard(options.config.admission.maxMemoryMb)
    this.#admission = this.#createAdmission()
    this.#unassigned = new Unassigned({ assign: options.assign, maxReopens: reopens, nowMs: monotonicNowMs })
    const { clientStallMs } = options.config.limits
    const { bodyMs } = options.config.timeouts
    this.#stalledClients = new StallSweep(
      clientStallMs,
      exchange => {
        options.recorder.count('pdgw_frontend_stalled_clients_total')
        exchange.cut()
      },
      monotonicNowMs,
    )
    this.#stalledUploads = new StallSweep(bodyMs, giveUp => giveUp(), monotonicNowMs)
    app.any('/*', (res, req) => this.#accept(res, readIntake(req)))
  }

  #createAdmission(): Admission<Visit> {
    const { config, places = NO_BOUND } = this.#options
    return new Admission({
      maxOpen: Math.min(config.limits.openExchanges, places.maxClients),
      config: config.admission,
      totalMs: config.timeouts.totalSecs * 1000,
      capacity: places.capacity,
      maxLive: places.maxLive,
      isMemoryShort: () => this.#memory.isShort,
      nowMs: monotonicNowMs,
      onTurn: visit => {
        this.#countWait(visit)
        this.#startVisit(visit, true)
      },
      onRefused: (visit, error) => {
        this.#countWait(visit)
        this.#refuseVisit(visit, error)
      },
    })
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
    return this.#admission.open
  }

  /** Of these, the ones that wait for their turn. */
  get waitingRequests(): number {
    return this.#admission.waiting
  }

  /** Rows of a router thread, for their clients. Rows of exchanges that are over are dropped. */
  receive(batch: Batch): void {
    decodeBatch(batch, this.#sink)
    const touched = this.#touched
    for (let at = 0; at < touched.length; at++) touched[at]?.write()
    touched.length = 0
  }

  /** The thread is gone: its exchanges go to another one, or end with an error where the client has had a byte. */
  threadLost(channel: ThreadChannel, wasOrdered = false): void {
    const lost = this.#exchanges.all().filter(exchange => exchange.channel === channel)
    const saved = lost.filter(exchange => this.#unassigned.rescue(exchange, wasOrdered))
    const { recorder } = this.#options
    recorder.count('pdgw_frontend_lost_exchanges_total', 'saved', saved.length)
    recorder.count('pdgw_frontend_lost_exchanges_total', 'failed', lost.length - saved.length)
    if (lost.length > 0)
      this.#options.log.warn(
        { saved: saved.length, failed: lost.length - saved.length },
        'exchanges of a lost thread',
      )
  }

  /** Headers of the request with this id, while it is open. */
  headersOf(exchangeId: number): FlatHeaders {
    return this.#exchanges.find(exchangeId)?.headers ?? []
  }

  /** One more thread takes requests. */
  threadReady(): void {
    this.#unassigned.threadReady()
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
    this.#admission.refuseAll(error)
    for (const exchange of this.#exchanges.all()) exchange.giveUp(error)
  }

  /** Destroys what is open. */
  close(): void {
    this.#listening?.close()
    this.#admission.close()
    this.#memory.close()
    this.#app.close()
    this.#unassigned.close()
    this.#stalledClients.close()
    this.#stalledUploads.close()
  }

  readonly #sink: Partial<RowSink> = {
    onHead: (id, status, headers) => this.#touch(id)?.takeHead(status, headers),
    onChunk: (id, bytes) => this.#touch(id)?.takeChunk(bytes),
    onEnd: id => this.#touch(id)?.takeEnd(),
    onAnswer: (id, answer) => this.#touch(id)?.takeAnswer(answer),
  }

  #touch(id: number): Exchange | undefined {
    const exchange = this.#exchanges.find(id)
    if (exchange !== undefined && !exchange.isTouched) {
      exchange.isTouched = true
      this.#touched.push(exchange)
    }
    return exchange
  }

  #accept(res: UwsResponse, intake: Intake): void {
    const route = findRoute(intake.path)
    const refusal = this.#refusal(intake, route)
    if (refusal !== undefined) this.#refuse(res, intake, refusal, route)
    else if (route === undefined) throw new TypeError('a request without a route was not refused')
    else if (intake.method === 'OPTIONS')
      this.#reply(res, intake, { status: 204, headers: ['allow', allowedMethods(route)], body: NO_BODY })
    else if (route.kind === 'local') this.#answerPage(res, intake, route.page)
    else if (route.kind === 'exchange') this.#read(res, intake, route)
  }

  #refusal(intake: Intake, route: Route | undefined): GatewayError | undefined {
    const { method, path } = intake
    // Whoever stands before us may have believed the other one: what follows could be a request that it never saw.
    if (Number.isNaN(intake.contentLength)) {
      return new GatewayError('invalid-request', 'content-length is given twice, with two values')
    }
    if (route === undefined) return new GatewayError('route-not-found', `no route ${method} ${path}`)
    if (method === 'OPTIONS') return undefined
    if (route.kind === 'unserved') {
      return new GatewayError(
        'not-implemented',
        `${path} is not served by this gateway; ask an engine directly`,
      )
    }
    if (!route.methods.includes(method)) {
      return new GatewayError('method-not-allowed', `${path} takes ${route.methods.join(' or ')}`)
    }
    return route.kind === 'exchange' ? this.#bodyRefusal(intake, route) : undefined
  }

  #bodyRefusal(intake: Intake, route: ExchangeRoute): GatewayError | undefined {
    const { bodyBytes } = this.#options.config.limits
    if (intake.contentLength > bodyBytes) return bodyTooLarge(bodyBytes)
    return isGeneration(route.endpoint) ? checkContentType(intake.contentType) : undefined
  }

  #answerPage(res: UwsResponse, intake: Intake, page: LocalPage): void {
    if (page === 'alive') {
      this.#reply(res, intake, {
        status: 200,
        headers: ['content-type', 'text/plain'],
        body: Buffer.from('OK'),
      })
      return
    }
    const { isReady, healthyEngines, totalEngines, reason } = this.#readiness()
    const counts = { healthy_workers: healthyEngines, total_workers: totalEngines }
    const body = isReady ? { status: 'ready', ...counts } : { status: 'not ready', reason, ...counts }
    this.#reply(res, intake, {
      status: isReady ? 200 : 503,
      headers: ['content-type', 'application/json'],
      body: Buffer.from(JSON.stringify(body)),
    })
  }

  #readiness(): Readiness {
    const readiness = this.#options.readiness()
    return this.#closing.isUnready ? { ...readiness, isReady: false, reason: 'shutting-down' } : readiness
  }

  #read(res: UwsResponse, intake: Intake, route: ExchangeRoute): void {
    const refusal = this.#admission.enter(isGeneration(route.endpoint))
    if (refusal !== undefined) {
      this.#refuse(res, intake, refusal, route)
      return
    }
    const sinceMs = monotonicNowMs()
    const visit: Visit = {
      res,
      intake,
      route,
      sinceMs,
      body: route.name === undefined ? NO_BODY : Buffer.from(route.name),
      isOver: false,
      exchange: undefined,
      ticket: undefined,
    }
    const { limits, timeouts } = this.#options.config
    const refuse = (error: GatewayError): void => {
      this.#stalledUploads.forget(onStall)
      this.#refuseVisit(visit, error)
    }
    const onStall = (): void => {
      upload.stop()
      refuse(new GatewayError('body-timeout', `no byte of the body has come for ${timeouts.bodyMs} ms`))
    }
    res.onAborted(() => {
      this.#stalledUploads.forget(onStall)
      this.#clientGone(visit)
    })
    if (intake.method === 'GET') {
      this.#startVisit(visit, false)
      return
    }
    this.#stalledUploads.watch(onStall)
    const upload = readBody(res, {
      contentLength: intake.contentLength,
      limitBytes: limits.bodyBytes,
      onPart: () => this.#stalledUploads.watch(onStall),
      onBody: body => {
        this.#stalledUploads.forget(onStall)
        visit.body = body
        if (isGeneration(route.endpoint)) return this.#admit(visit)
        if (route.endpoint === 'abort-request') this.#abortWaiting(body)
        this.#startVisit(visit, false)
      },
      onTooLarge: () => refuse(bodyTooLarge(limits.bodyBytes)),
    })
  }

  /** A request for tokens starts, waits or is refused. */
  #admit(visit: Visit): void {
    if (this.#admission.tryStart()) {
      this.#startVisit(visit, true)
      return
    }
    visit.ticket = new Ticket(visit, visit.intake.priority, visit.body.length, monotonicNowMs())
    const refusal = this.#admission.wait(visit.ticket)
    if (refusal !== undefined) this.#refuseVisit(visit, refusal)
    else this.#countWaiting()
  }

  /** No router thread knows of those that wait for their turn; who is at work is for the threads to find. */
  #abortWaiting(body: Uint8Array): void {
    if (this.#admission.waiting === 0 || body.length > ABORT_ORDER_BYTES) return
    const order = readAbortOrder(body)
    if (order === undefined || order === 'nothing') return
    this.#admission.refuse(visit => isMeant(order, visit.body), abortedError())
  }

  /** The queue has let go of the visit, for better or worse. */
  #countWait({ ticket }: Visit): void {
    this.#countWaiting()
    if (ticket === undefined) return
    const waitedSecs = (monotonicNowMs() - ticket.sinceMs) / 1000
    this.#options.recorder.observe('pdgw_frontend_queue_wait_seconds', waitedSecs)
  }

  #countWaiting(): void {
    this.#options.recorder.set('pdgw_frontend_queue_length', this.#admission.waiting)
  }

  #refuseVisit(visit: Visit, error: GatewayError): void {
    this.#admission.leave()
    visit.isOver = true
    this.#refuse(visit.res, visit.intake, error, visit.route)
  }

  #startVisit(visit: Visit, hasPlace: boolean): void {
    visit.exchange = this.#open(visit, hasPlace)
    visit.body = NO_BODY
  }

  #clientGone(visit: Visit): void {
    if (visit.exchange !== undefined) {
      visit.exchange.clientGone()
      return
    }
    if (visit.isOver) return
    visit.isOver = true
    if (visit.ticket !== undefined) {
      this.#admission.withdraw(visit.ticket)
      this.#countWaiting()
    }
    this.#admission.leave()
  }

  #open({ res, intake, route, body, sinceMs }: Visit, hasPlace: boolean): Exchange {
    const id = this.#ids.take()
    const onOver = (): void => {
      this.#exchanges.delete(id)
      this.#ids.giveBack(id)
      if (hasPlace) this.#admission.done()
      this.#countOpen()
      this.#admission.leave()
    }
    const request = {
      kind: 'open',
      id,
      endpoint: route.endpoint,
      method: intake.method === 'GET' ? 'GET' : 'POST',
      query: intake.query,
      headers: intake.headers,
      creditBytes: this.#options.config.limits.relayBytesPerStream,
      ageMs: 0,
      body,
    } as const
    const { requestId } = intake
    const exchange = new Exchange({
      res,
      request,
      requestId,
      sinceMs,
      closing: this.#closing,
      stalls: this.#stalledClients,
      onOver,
    })
    this.#exchanges.add(id, exchange)
    this.#countOpen()
    this.#unassigned.place(exchange)
    return exchange
  }

  #countOpen(): void {
    this.#options.recorder.set('pdgw_frontend_open_exchanges', this.#exchanges.size)
  }

  #refuse(res: UwsResponse, intake: Intake, error: GatewayError, route: Route | undefined): void {
    this.#options.recorder.count('pdgw_frontend_refused_total', error.code)
    const allow = error.status === 405 && route ? allowedMethods(route) : undefined
    this.#reply(res, intake, toErrorReply(error, allow), isRestUseless(error))
  }

  #reply(res: UwsResponse, intake: Intake, answer: ErrorReply, isUnwanted = false): void {
    const { status, headers, body } = answer
    const isLast = isUnwanted || this.#closing.isLastAnswer
    res.cork(() => {
      writeHead(res, { status, headers, requestId: intake.requestId, isLast: tellsClose(status, isLast) })
      if (intake.method === 'HEAD') res.endWithoutBody(body.length, isLast)
      // Any argument, `undefined` too, would be told as the length of a body that there is none of.
      else if (status === 204) res.endWithoutBody()
      else res.end(body, isLast)
    })
  }
}

/** A request between its head and its exchange. */
interface Visit {
  readonly res: UwsResponse
  readonly intake: Intake
  readonly route: ExchangeRoute
  readonly sinceMs: number
  body: Uint8Array
  /** It has its answer, or its client is gone. */
  isOver: boolean
  exchange: Exchange | undefined
  /** While it waits for its turn. */
  ticket: Ticket<Visit> | undefined
}

const NO_BODY = new Uint8Array(0)
/** A rid is short; nothing longer is read on the main thread. */
const ABORT_ORDER_BYTES = 65_536

/** What is still to come of the body is not wanted, or cannot be told from the next request. */
function isRestUseless({ status }: GatewayError): boolean {
  return status === 400 || status === 408
}

/**
 * Where the client is to close: uWebSockets.js has no way to do it after a 204, and at a 413 it would reset a client
 * that still sends and has not read the answer. What comes of such a body is dropped.
 */
function tellsClose(status: number, isLast: boolean): boolean {
  return status === 413 ? !isLast : isLast && status === 204
}
