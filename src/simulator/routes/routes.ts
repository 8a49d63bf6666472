/** The route table of an engine, and the check of the API key. */

import type { EngineState, Route } from '../engine/engine-state.ts'
import { sendJson } from '../http/http-response.ts'
import type { IncomingRequest } from '../http/http-server.ts'
import { traitsOf } from '../settings/profiles.ts'
import {
  abortRequest,
  flushCache,
  health,
  methodNotAllowed,
  notFound,
  ping,
  startProfile,
  stopProfile,
} from './control-routes.ts'
import { countTokens, generationRoute } from './generation-routes.ts'
import { legacyLoad, loads, modelInfo, models, serverInfo } from './info-routes.ts'

const ROUTES: ReadonlyMap<string, Route> = new Map([
  ['POST /generate', generationRoute('generate')],
  ['PUT /generate', generationRoute('generate')],
  ['POST /v1/chat/completions', generationRoute('chat')],
  ['POST /invocations', generationRoute('chat')],
  ['POST /v1/completions', generationRoute('completions')],
  ['POST /v1/responses', generationRoute('responses')],
  ['POST /v1/messages', generationRoute('messages')],
  ['POST /v1/messages/count_tokens', countTokens],
  ['POST /abort_request', abortRequest],
  ['GET /health', health],
  ['GET /health_generate', health],
  ['GET /ping', ping],
  ['GET /ready', ping],
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

const METHODS = ['GET', 'POST', 'PUT']

const PUBLIC_PATHS = new Set(['/health', '/health_generate', '/ping', '/ready'])
/** They take the admin key only, if there is one (0.5.23, `utils/auth.py`). */
const ADMIN_PATHS = new Set(['/abort_request', '/flush_cache', '/start_profile', '/stop_profile'])

/** The key that the path requires; empty if it requires none, as those of health checks. */
function keyFor({ knobs }: EngineState, path: string): string {
  if (PUBLIC_PATHS.has(path)) return ''
  return ADMIN_PATHS.has(path) && knobs.adminApiKey !== '' ? knobs.adminApiKey : knobs.apiKey
}

/** Dispatches a request. */
export function route(engine: EngineState, request: IncomingRequest): void {
  const required = keyFor(engine, request.path)
  if (required !== '' && request.message.headers.authorization !== `Bearer ${required}`) {
    return sendJson(request.response, 401, '{"error":"Unauthorized"}')
  }
  const { method, path } = request
  const handle = ROUTES.get(`${method} ${path}`)
  if (!isServed(engine, path)) return notFound(request)
  if (handle !== undefined) return handle(engine, request)
  const allowed = METHODS.filter(other => ROUTES.has(`${other} ${path}`))
  if (allowed.length > 0 && traitsOf(engine.knobs).checksSchema) methodNotAllowed(request, allowed)
  else notFound(request)
}

/** They read bootstrap fields in SGLang 0.5.23. Earlier engines are not simulated there. */
const AGENT_PATHS = new Set(['/v1/responses', '/v1/messages', '/v1/messages/count_tokens'])
/** Paths that the Rust front end of SGLang 0.5.23 does not have. */
const PYTHON_PATHS = new Set(['/get_server_info', '/ready', ...AGENT_PATHS])

function isServed({ knobs }: EngineState, path: string): boolean {
  const { frontend, hasLegacyLoad, hasAgentPaths } = traitsOf(knobs)
  if (path === '/get_load') return hasLegacyLoad
  if (AGENT_PATHS.has(path) && !hasAgentPaths) return false
  return frontend === 'python' || !PYTHON_PATHS.has(path)
}
