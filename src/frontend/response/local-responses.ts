/** What the front end answers without asking anyone: refusals, its own pages, which methods a path takes. */
import type { GatewayError } from '../../core/errors.ts'
import type { Readiness } from '../../core/readiness.ts'
import type { Recorder } from '../../telemetry/recorder.ts'
import { isRestUseless } from '../intake/refusal.ts'
import type { Intake } from '../intake/request-head.ts'
import { allowedMethods, type LocalPage, type Route } from '../intake/routes.ts'
import type { UwsResponse } from '../uws/uws.ts'
import type { Closing } from './drain-state.ts'
import { type ErrorReply, toErrorReply } from './error-response.ts'
import { writeHead } from './write-response.ts'

const NO_BODY = new Uint8Array(0)

interface LocalAnswersOptions {
  readonly readiness: () => Readiness
  readonly closing: Closing
  readonly recorder: Recorder
}

export class LocalAnswers {
  readonly #options: LocalAnswersOptions

  constructor(options: LocalAnswersOptions) {
    this.#options = options
  }

  refuse(res: UwsResponse, intake: Intake, error: GatewayError, route: Route | undefined): void {
    this.#options.recorder.count('pdgw_frontend_refused_total', error.code)
    const allow = error.status === 405 && route ? allowedMethods(route) : undefined
    this.#reply(res, intake, toErrorReply(error, allow), isRestUseless(error))
  }

  /** To OPTIONS. */
  methods(res: UwsResponse, intake: Intake, route: Route): void {
    this.#reply(res, intake, { status: 204, headers: ['allow', allowedMethods(route)], body: NO_BODY })
  }

  page(res: UwsResponse, intake: Intake, page: LocalPage): void {
    this.#reply(res, intake, page === 'alive' ? ALIVE : this.#readinessPage())
  }

  #readinessPage(): ErrorReply {
    const { isReady, healthyEngines, totalEngines, reason } = this.#readiness()
    const counts = { healthy_workers: healthyEngines, total_workers: totalEngines }
    const body = isReady ? { status: 'ready', ...counts } : { status: 'not ready', reason, ...counts }
    return {
      status: isReady ? 200 : 503,
      headers: ['content-type', 'application/json'],
      body: Buffer.from(JSON.stringify(body)),
    }
  }

  #readiness(): Readiness {
    const readiness = this.#options.readiness()
    const { isUnready } = this.#options.closing
    return isUnready ? { ...readiness, isReady: false, reason: 'shutting-down' } : readiness
  }

  #reply(res: UwsResponse, intake: Intake, answer: ErrorReply, isUnwanted = false): void {
    const { status, headers, body } = answer
    const isLast = isUnwanted || this.#options.closing.isLastAnswer
    res.cork(() => {
      writeHead(res, { status, headers, requestId: intake.requestId, isLast: tellsClose(status, isLast) })
      if (intake.method === 'HEAD') res.endWithoutBody(body.length, isLast)
      // Any argument, `undefined` too, would be told as the length of a body that there is none of.
      else if (status === 204) res.endWithoutBody()
      else res.end(body, isLast)
    })
  }
}

const ALIVE: ErrorReply = { status: 200, headers: ['content-type', 'text/plain'], body: Buffer.from('OK') }

/**
 * Where the client is to close: uWebSockets.js has no way to do it after a 204, and at a 413 it would reset a client
 * that still sends and has not read the answer. What comes of such a body is dropped.
 */
function tellsClose(status: number, isLast: boolean): boolean {
  return status === 413 ? !isLast : isLast && status === 204
}
