/** The routes of the data port: paths, methods and endpoints. Pure; `server.ts` dispatches by them. */
import type { Endpoint } from '../../core/endpoint.ts'

/** Pages that the front end serves itself. */
export type LocalPage = 'alive' | 'readiness'

export type Route =
  | {
      readonly kind: 'exchange'
      readonly endpoint: Endpoint
      readonly methods: readonly string[]
      /** The decoded name in the path, sent to the router thread as the body. */
      readonly name?: string
    }
  | { readonly kind: 'local'; readonly page: LocalPage; readonly methods: readonly string[] }
  /** A path with a slash too many, to which engines respond with a redirect. */
  | { readonly kind: 'moved'; readonly to: string }
  /** A path that engines serve and the gateway does not. `reason`: the rest of the sentence that says so. */
  | { readonly kind: 'unserved'; readonly reason: string }

/** A route that router threads serve. */
export type ExchangeRoute = Extract<Route, { kind: 'exchange' }>

const WRITE = ['POST', 'PUT']
const READ = ['GET', 'HEAD']

const ROUTES = new Map<string, Route>([
  ['/generate', { kind: 'exchange', endpoint: 'generate', methods: WRITE }],
  ['/v1/chat/completions', { kind: 'exchange', endpoint: 'chat', methods: ['POST'] }],
  ['/v1/completions', { kind: 'exchange', endpoint: 'completions', methods: ['POST'] }],
  ['/v1/responses', { kind: 'exchange', endpoint: 'responses', methods: ['POST'] }],
  ['/v1/messages', { kind: 'exchange', endpoint: 'messages', methods: ['POST'] }],
  ['/v1/messages/count_tokens', { kind: 'exchange', endpoint: 'count-tokens', methods: ['POST'] }],
  // SageMaker's path for chat.
  ['/invocations', { kind: 'exchange', endpoint: 'chat', methods: ['POST'] }],
  ['/v1/models', { kind: 'exchange', endpoint: 'models', methods: READ }],
  ['/get_model_info', { kind: 'exchange', endpoint: 'model-info', methods: READ }],
  ['/model_info', { kind: 'exchange', endpoint: 'model-info', methods: READ }],
  ['/get_server_info', { kind: 'exchange', endpoint: 'server-info', methods: READ }],
  ['/server_info', { kind: 'exchange', endpoint: 'server-info', methods: READ }],
  ['/get_loads', { kind: 'exchange', endpoint: 'loads', methods: READ }],
  ['/v1/loads', { kind: 'exchange', endpoint: 'loads', methods: READ }],
  ['/health_generate', { kind: 'exchange', endpoint: 'health-generate', methods: READ }],
  ['/flush_cache', { kind: 'exchange', endpoint: 'flush-cache', methods: ['POST'] }],
  ['/abort_request', { kind: 'exchange', endpoint: 'abort-request', methods: ['POST'] }],
  ['/start_profile', { kind: 'exchange', endpoint: 'start-profile', methods: ['POST'] }],
  ['/stop_profile', { kind: 'exchange', endpoint: 'stop-profile', methods: ['POST'] }],
  ['/health', { kind: 'local', page: 'alive', methods: ['GET', 'HEAD'] }],
  ['/liveness', { kind: 'local', page: 'alive', methods: ['GET', 'HEAD'] }],
  ['/readiness', { kind: 'local', page: 'readiness', methods: ['GET', 'HEAD'] }],
])

const CHANGE_PATHS = new Set(['/flush_cache', '/abort_request', '/start_profile', '/stop_profile'])

const UNSERVED =
  /^\/(v1\/(embeddings|rerank|score|classify|responses|messages|conversations|realtime|tokenize|detokenize|audio)|rerank|encode|classify|score|tokenize|detokenize|api\/(chat|generate|tags|show)|vertex_generate|(update|get|init|load|unload|destroy|release|resume|pause|continue)_\w+|open_session|close_session|set_internal_state|parse_function_call|separate_reasoning|slow_down|configure_logging)(\/|$)/

const MODEL = '/v1/models/'

const UNSERVED_ROUTE: Route = {
  kind: 'unserved',
  reason: '; it serves /v1/chat/completions, /v1/completions, /v1/responses, /v1/messages and /generate',
}
/** A response, its input items, its cancellation. */
const STORED = /^\/v1\/responses\/./
const STORED_ROUTE: Route = {
  kind: 'unserved',
  reason:
    ', because stored responses are in single engines, and it does not know in which: keep the conversation in the client',
}

/** `undefined` for an unknown path. */
export function findRoute(path: string): Route | undefined {
  return (
    ROUTES.get(path) ??
    modelRoute(path) ??
    movedRoute(path) ??
    (STORED.test(path) ? STORED_ROUTE : UNSERVED.test(path) ? UNSERVED_ROUTE : undefined)
  )
}

/** Whether a request to the path changes something for everyone, so that not everyone may ask for it. */
export function isChangePath(path: string): boolean {
  return CHANGE_PATHS.has(path)
}

function movedRoute(path: string): Route | undefined {
  if (!path.endsWith('/')) return undefined
  const to = path.slice(0, -1)
  return ROUTES.has(to) ? { kind: 'moved', to } : undefined
}

/** Names of models contain slashes, which some clients escape. */
function modelRoute(path: string): Route | undefined {
  if (!path.startsWith(MODEL)) return undefined
  const name = decoded(path.slice(MODEL.length))
  return name ? { kind: 'exchange', endpoint: 'model', methods: READ, name } : undefined
}

/** `undefined` if the percent-encoding is invalid. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** All served routes, for the documentation and its test. */
export function servedRoutes(): readonly { readonly path: string; readonly methods: readonly string[] }[] {
  const fixed = [...ROUTES].map(([path, route]) => ({
    path,
    methods: 'methods' in route ? route.methods : [],
  }))
  return [...fixed, { path: `${MODEL}{model}`, methods: READ }]
}

/** Value of the `Allow` header. */
export function allowedMethods(route: Route): string {
  return 'methods' in route ? [...route.methods, 'OPTIONS'].join(', ') : 'OPTIONS'
}
