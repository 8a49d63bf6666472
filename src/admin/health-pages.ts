/** Serves the pages for health probes, and nothing else, on a port of its own. */

import { GatewayError } from '../core/errors.ts'
import type { LocalResponse } from '../error-response/error-response.ts'
import type { AdminHandler, AdminRequest } from './admin-server.ts'

const PATH = /^\/(?:health|liveness|readiness)$/

export class HealthPages implements AdminHandler {
  readonly #routes: AdminHandler

  /** `routes` answer for these paths. */
  constructor(routes: AdminHandler) {
    this.#routes = routes
  }

  handle(request: AdminRequest): LocalResponse {
    const { method, path } = request
    if (PATH.test(path)) return this.#routes.handle(request)
    throw new GatewayError(
      'route-not-found',
      `No route for ${method} ${path}: this port is for health probes`,
    )
  }
}
