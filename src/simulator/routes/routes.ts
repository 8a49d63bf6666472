/** The route table of an engine, and the check of the API key. */

import type { EngineState, Route } from '../engine/engine-state.ts'
import { sendJson } from '../http/http-response.ts'
import type { IncomingRequest } from '../http/http-server.ts'
import {
  abortRequest,
  flushCache,
  health,
  notFound,
  ping,
  startProfile,
  stopProfile,
} from './control-routes.ts'
import { generationRoute } from './generation-routes.ts'
import { legacyLoad, loads, modelInfo, models, serverInfo } from './info-routes.ts'

const ROUTES: ReadonlyMap<string, Route> = new Map([
  ['POST /generate', generationRoute('generate')],
  ['PUT /generate', generationRoute('generate')],
  ['POST /v1/chat/completions', generationRoute('chat')],
  ['POST /invocations', generationRoute('chat')],
  ['POST /v1/completions', generationRoute('completions')],
  ['POST /abort_request', abortRequest],
  ['GET /health', health],
  ['GET /health_generate', health],
  ['GET /ping', ping],
  ['GET /v1/models', models],
  ['GET /model_info', modelInfo],
  ['GET /get_model_info', modelInfo],
  ['GET /server_info', serverInfo],
  ['GET /get_server_info', serverInfo],
  ['GET /v1/loads', loads],
  ['GET /get_load', legacyLoad],
  ['GET /flush_cache', flushCache],
  ['POST /flush_cache', flushCache],
  ['GET /start_profile', startProfile],
  ['POST /start_profile', startProfile],
  ['GET /stop_profile', stopProfile],
  ['POST /stop_profile', stopProfile],
])

const PUBLIC_PATHS = new Set(['/health', '/health_generate', '/ping'])

/** Dispatches a request. The paths of health checks need no key. */
export function route(engine: EngineState, request: IncomingRequest): void {
  const { apiKey } = engine.knobs
  const key = request.message.headers.authorization
  if (apiKey !== '' && !PUBLIC_PATHS.has(request.path) && key !== `Bearer ${apiKey}`) {
    return sendJson(request.response, 401, '{"error":"Unauthorized"}')
  }
  const handle = ROUTES.get(`${request.method} ${request.path}`)
  if (handle === undefined) notFound(request)
  else handle(engine, request)
}
