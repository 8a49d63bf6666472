/** What the front end answers without asking anyone: refusals, its own pages, which methods a path takes. */
import { type LocalResponse, toErrorResponse } from '../../core/error-response.ts'
import type { GatewayError } from '../../core/errors.ts'
import { type Readiness, readinessReport } from '../../core/readiness.ts'
import type { Recorder } from '../../telemetry/recorder.ts'
import { isRestUseless } from '../intake/refusal.ts'
import type { RequestHead } from '../intake/request-head.ts'
import { allowedMethods, type LocalPage, type Route } from '../intake/routes.ts'
import type { UwsResponse } from '../uws/uws.ts'
import type { DrainState } from './drain-state.ts'
import { writeHead } from './write-response.ts'

const NO_BODY = new Uint8Array(0)

interface LocalResponsesOptions {
  readonly readiness: () => Readiness
  readonly drainState: DrainState
  readonly recorder: Recorder
}

export class LocalResponses {
  readonly #options: LocalResponsesOptions

  constructor(options: LocalResponsesOptions) {
    this.#options = options
  }

  refuse(res: UwsResponse, head: RequestHead, error: GatewayError, route: Route | undefined): void {
    this.#options.recorder.count('pdgw_frontend_refused_total', error.code)
    const allow = error.status === 405 && route ? allowedMethods(route) : undefined
    this.#reply(res, head, toErrorResponse(error, allow), isRestUseless(error))
  }

  /** To OPTIONS. */
  methods(res: UwsResponse, head: RequestHead, route: Route): void {
    this.#reply(res, head, { status: 204, headers: ['allow', allowedMethods(route)], body: NO_BODY })
  }

  page(res: UwsResponse, head: RequestHead, page: LocalPage): void {
    this.#reply(res, head, page === 'alive' ? ALIVE : this.#readinessPage())
  }

  #readinessPage(): LocalResponse {
    const { readiness, drainState } = this.#options
    const { status, body } = readinessReport(readiness(), drainState.failReadiness)
    return { status, headers: ['content-type', 'application/json'], body: Buffer.from(JSON.stringify(body)) }
  }

  #reply(res: UwsResponse, head: RequestHead, answer: LocalResponse, isUnwanted = false): void {
    const { status, headers, body } = answer
    const isLast = isUnwanted || this.#options.drainState.closeConnections
    res.cork(() => {
      writeHead(res, { status, headers, requestId: head.requestId, isLast: sendsClose(status, isLast) })
      if (head.method === 'HEAD') res.endWithoutBody(body.length, isLast)
      // Any argument, `undefined` too, would be told as the length of a body that there is none of.
      else if (status === 204) res.endWithoutBody()
      else res.end(body, isLast)
    })
  }
}

const ALIVE: LocalResponse = { status: 200, headers: ['content-type', 'text/plain'], body: Buffer.from('OK') }

/**
 * Where the client is to close: uWebSockets.js has no way to do it after a 204, and at a 413 it would reset a client
 * that still sends and has not read the answer. What comes of such a body is dropped.
 */
function sendsClose(status: number, isLast: boolean): boolean {
  return status === 413 ? !isLast : isLast && status === 204
}
