/**
 * The front end: HTTP on one side, rows for router threads on the other. Runs on the main thread, which is what does
 * not scale: nothing here looks into a body.
 *
 * Which thread gets a request, and whether any engine is usable, is passed in as functions.
 */
import type { Config } from '../config/config.ts'
import { isGeneration } from '../core/endpoint.ts'
import { GatewayError } from '../core/errors.ts'
import type { ThreadChannel } from '../messages/channel.ts'
import { type Batch, decodeBatch, type RowSink } from '../messages/codec.ts'
import type { Logger } from '../telemetry/log.ts'
import { Admission } from './admission.ts'
import { toErrorReply } from './error-reply.ts'
import { Exchange } from './exchange.ts'
import { bodyTooLarge, checkContentType, type Intake, readBody, readIntake } from './intake.ts'
import { type Listening, listen } from './listen.ts'
import { OpenExchanges } from './open-exchanges.ts'
import { writeHead } from './reply.ts'
import { allowedMethods, findRoute, type LocalPage, type Route } from './routes.ts'
import { loadUws, type UwsApp, type UwsResponse } from './uws.ts'

export interface Readiness {
  readonly isReady: boolean
  readonly healthyEngines: number
  readonly totalEngines: number
  /** Why not. */
  readonly reason?: string
}

export interface FrontendOptions {
  readonly config: Config
  /** The thread for the next request; `undefined` when there is none. */
  readonly assign: () => ThreadChannel | undefined
  readonly readiness: () => Readiness
  readonly log: Logger
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
  readonly #admission: Admission
  readonly #exchanges = new OpenExchanges()
  readonly #touched: Exchange[] = []
  #listening: Listening | undefined

  constructor(options: FrontendOptions, app: UwsApp) {
    this.#options = options
    this.#app = app
    this.#admission = new Admission(options.config.limits.openExchanges)
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
    return this.#admission.open
  }

  /** Rows of a router thread, for their clients. Rows of exchanges that are over are dropped. */
  receive(batch: Batch): void {
    decodeBatch(batch, this.#sink)
    const touched = this.#touched
    for (let at = 0; at < touched.length; at++) touched[at]?.write()
    touched.length = 0
  }

  /** The thread is gone: its exchanges are answered with an error, or ended with one. */
  threadLost(channel: ThreadChannel): void {
    const error = new GatewayError('thread-lost', 'the router thread of this request has failed')
    for (const exchange of this.#exchanges.all()) if (exchange.channel === channel) exchange.fail(error)
  }

  /** New connections are refused; open ones may go on. */
  stopListening(): void {
    this.#listening?.close()
  }

  /** Destroys what is open. */
  close(): void {
    this.stopListening()
    this.#app.close()
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
    if (refusal !== undefined) refuse(res, intake, refusal, route)
    else if (route === undefined) throw new TypeError('a request without a route was not refused')
    else if (intake.method === 'OPTIONS') answerOptions(res, intake, route)
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
      reply(res, intake, { status: 200, headers: ['content-type', 'text/plain'], body: Buffer.from('OK') })
      return
    }
    const { isReady, healthyEngines, totalEngines, reason } = this.#options.readiness()
    const counts = { healthy_workers: healthyEngines, total_workers: totalEngines }
    const body = isReady ? { status: 'ready', ...counts } : { status: 'not ready', reason, ...counts }
    reply(res, intake, {
      status: isReady ? 200 : 503,
      headers: ['content-type', 'application/json'],
      body: Buffer.from(JSON.stringify(body)),
    })
  }

  #read(res: UwsResponse, intake: Intake, route: ExchangeRoute): void {
    const refusal = this.#admission.enter()
    if (refusal !== undefined) {
      refuse(res, intake, refusal, route)
      return
    }
    let exchange: Exchange | undefined
    res.onAborted(() => {
      if (exchange === undefined) this.#admission.leave()
      else exchange.clientGone()
    })
    if (intake.method === 'GET') {
      exchange = this.#open(res, intake, { route, body: NO_BODY })
      return
    }
    const limitBytes = this.#options.config.limits.bodyBytes
    readBody(res, {
      contentLength: intake.contentLength,
      limitBytes,
      onBody: body => {
        exchange = this.#open(res, intake, { route, body })
      },
      onTooLarge: () => {
        this.#admission.leave()
        refuse(res, intake, bodyTooLarge(limitBytes), route)
      },
    })
  }

  /** `undefined` when there is no thread; then the client has its answer. */
  #open(res: UwsResponse, intake: Intake, request: RoutedBody): Exchange | undefined {
    const channel = this.#options.assign()
    if (channel === undefined) {
      this.#admission.leave()
      refuse(res, intake, new GatewayError('thread-lost', 'no router thread is running'), request.route)
      return undefined
    }
    const id = this.#exchanges.nextId()
    const creditBytes = this.#options.config.limits.relayBytesPerStream
    const onOver = (): void => {
      this.#exchanges.delete(id)
      channel.openExchanges--
      this.#admission.leave()
    }
    const { requestId } = intake
    const exchange = new Exchange({ id, res, channel, requestId, creditBytes, onOver })
    this.#exchanges.add(id, exchange)
    channel.openExchanges++
    channel.sender.open({
      kind: 'open',
      id,
      endpoint: request.route.endpoint,
      method: intake.method === 'GET' ? 'GET' : 'POST',
      query: intake.query,
      headers: intake.headers,
      creditBytes,
      body: request.body,
    })
    return exchange
  }
}

interface RoutedBody {
  readonly route: ExchangeRoute
  readonly body: Uint8Array
}

const NO_BODY = new Uint8Array(0)

function refuse(res: UwsResponse, intake: Intake, error: GatewayError, route: Route | undefined): void {
  const allow = error.status === 405 && route ? allowedMethods(route) : undefined
  const isRestUseless = error.status === 413 || error.status === 400
  reply(res, intake, toErrorReply(error, allow), isRestUseless)
}

function answerOptions(res: UwsResponse, intake: Intake, route: Route): void {
  reply(res, intake, { status: 204, headers: ['allow', allowedMethods(route)], body: NO_BODY })
}

/** `isLast` closes the connection, when what is still to come from the client is not wanted. */
function reply(
  res: UwsResponse,
  intake: Intake,
  { status, headers, body }: ReturnType<typeof toErrorReply>,
  isLast = false,
): void {
  res.cork(() => {
    writeHead(res, { status, headers, requestId: intake.requestId })
    if (intake.method === 'HEAD') res.endWithoutBody(body.length, isLast)
    else if (status === 204) res.endWithoutBody(undefined, isLast)
    else res.end(body, isLast)
  })
}
