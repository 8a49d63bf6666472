/** Responses that the front end produces itself: refusals, probe pages and responses to OPTIONS. */
import type { GatewayError } from '../../core/errors.ts'
import { type Readiness, readinessReport } from '../../core/readiness.ts'
import { errorDialectAt } from '../../error-response/error-dialect.ts'
import { type LocalResponse, toErrorResponse } from '../../error-response/error-response.ts'
import type { Recorder } from '../../telemetry/recorder.ts'
import { closesConnection } from '../intake/refusal.ts'
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
    const response = toErrorResponse(error, errorDialectAt(head.path), allow)
    this.#reply(res, head, response, closesConnection(error))
  }

  /** Responds to OPTIONS. */
  methods(res: UwsResponse, head: RequestHead, route: Route): void {
    this.#reply(res, head, { status: 204, headers: ['allow', allowedMethods(route)], body: NO_BODY })
  }

  /** Redirects as engines do: the client sends the same request again, with its body (RFC 9110 section 15.4.8). */
  moved(res: UwsResponse, head: RequestHead, path: string): void {
    const location = head.query === '' ? path : `${path}?${head.query}`
    this.#reply(res, head, { status: 307, headers: ['location', location], body: NO_BODY })
  }

  page(res: UwsResponse, head: RequestHead, page: LocalPage): void {
    this.#reply(res, head, page === 'alive' ? ALIVE : this.#readinessPage())
  }

  #readinessPage(): LocalResponse {
    const { readiness, drainState } = this.#options
    const { status, body } = readinessReport(readiness(), drainState.failReadiness)
    return { status, headers: ['content-type', 'application/json'], body: Buffer.from(JSON.stringify(body)) }
  }

  #reply(res: UwsResponse, head: RequestHead, response: LocalResponse, mustClose = false): void {
    const { status, headers, body } = response
    const isLast = mustClose || this.#options.drainState.closeConnections
    res.cork(() => {
      writeHead(res, { status, headers, requestId: head.requestId, isLast: sendsClose(status, isLast) })
      if (head.method === 'HEAD') res.endWithoutBody(body.length, isLast)
      // Any argument, even `undefined`, would be sent as a Content-Length, which a 204 must not have.
      else if (status === 204) res.endWithoutBody()
      else res.end(body, isLast)
    })
  }
}

const ALIVE: LocalResponse = { status: 200, headers: ['content-type', 'text/plain'], body: Buffer.from('OK') }

/**
 * Whether to ask the client to close the connection because the gateway cannot: uWebSockets.js does not close after a
 * 204, and after a 413 it would reset the connection of a client that still sends its body and has not read the
 * response. The rest of such a body is dropped.
 */
function sendsClose(status: number, isLast: boolean): boolean {
  return status === 413 ? !isLast : isLast && status === 204
}
