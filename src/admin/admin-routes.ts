/** Routes of the admin listener: health probes, metrics, and listing and changing engines and threads. */
import { hostname } from 'node:os'
import { ChangeGuard } from '../changes/change-guard.ts'
import type { Config } from '../config/config.ts'
import { asEngineUrl, neededRoles, newEngineSchema } from '../config/engines.ts'
import type { EngineSupervisor } from '../control/engine-supervisor.ts'
import { GatewayError } from '../core/errors.ts'
import { readinessOf, readinessReport } from '../core/readiness.ts'
import { OPENAI_ERRORS } from '../error-response/error-dialect.ts'
import { type LocalResponse, toErrorResponse } from '../error-response/error-response.ts'
import type { Heartbeats } from '../shared/heartbeats.ts'
import { EXPOSITION_TYPE, exposition } from '../telemetry/exposition.ts'
import type { MetricReader } from '../telemetry/metric-reader.ts'
import type { AdminHandler, AdminRequest } from './admin-server.ts'
import { type EngineState, engineGauges, engineView, JOINING } from './engine-views.ts'
import { type IndexState, indexGauges, indexView } from './index-views.ts'

export interface AdminDependencies {
  readonly config: Config
  readonly supervisor: EngineSupervisor
  readonly state: EngineState
  /** What is known of the engines' caches. */
  readonly caching: Omit<IndexState, 'metrics'>
  readonly metrics: MetricReader
  readonly heartbeats: Heartbeats
  readonly routerThreads: number
  /** Whether the gateway is shutting down. */
  readonly isDraining: () => boolean
  readonly restartThread: (thread: number) => void
}

/** `name` is the first group that the path of the route captured, or empty. */
type Action = (request: AdminRequest, name: string) => LocalResponse

const ALIVE = respond(200, 'text/plain', 'OK')

interface AdminRoute {
  readonly path: RegExp
  readonly actions: Readonly<Record<string, Action>>
}

export class AdminRoutes implements AdminHandler {
  readonly #deps: AdminDependencies
  readonly #guard: ChangeGuard
  readonly #routes: readonly AdminRoute[]

  constructor(deps: AdminDependencies) {
    this.#deps = deps
    this.#guard = new ChangeGuard(deps.config.admin, hostname())
    this.#routes = [
      { path: /^\/(?:health|liveness)$/, actions: { GET: () => ALIVE } },
      { path: /^\/readiness$/, actions: { GET: () => this.#readiness() } },
      { path: /^\/metrics$/, actions: { GET: () => this.#metrics() } },
      {
        path: /^\/admin\/engines$/,
        actions: { GET: () => this.#engines(), POST: ({ body }) => this.#add(body) },
      },
      // The URL of an engine may be percent-encoded or not, so its own slashes are accepted. A trailing slash of this
      // path is optional; otherwise the next route would mistake the whole for the URL of an engine.
      {
        path: /^\/admin\/engines\/(.+)\/reset-breaker\/?$/,
        actions: { POST: (_, name) => this.#resetBreaker(name) },
      },
      { path: /^\/admin\/engines\/(.+)$/, actions: { DELETE: (_, name) => this.#remove(name) } },
      { path: /^\/admin\/index$/, actions: { GET: () => this.#index() } },
      { path: /^\/admin\/threads$/, actions: { GET: () => this.#threads() } },
      {
        path: /^\/admin\/threads\/([^/]+)\/restart$/,
        actions: { POST: (_, name) => this.#restartThread(name) },
      },
    ]
  }

  handle(request: AdminRequest): LocalResponse {
    const { method, path } = request
    for (const route of this.#routes) {
      const match = route.path.exec(path)
      if (match === null) continue
      const allow = Object.keys(route.actions).join(', ')
      const action = route.actions[method === 'HEAD' ? 'GET' : method]
      if (action === undefined) {
        return toErrorResponse(
          new GatewayError('method-not-allowed', `Method ${method} is not allowed for ${path}: use ${allow}`),
          OPENAI_ERRORS,
          allow,
        )
      }
      const refusal = method === 'GET' || method === 'HEAD' ? undefined : this.#guard.refusalOf(request)
      if (refusal !== undefined) throw refusal
      return action(request, match[1] ?? '')
    }
    throw new GatewayError('route-not-found', `No route for ${method} ${path}`)
  }

  #readiness(): LocalResponse {
    const { config, supervisor, state, isDraining } = this.#deps
    const readiness = readinessOf(
      neededRoles(config),
      supervisor.engines,
      state.slots,
      supervisor.joining.length,
    )
    const { status, body } = readinessReport(readiness, isDraining())
    return json(status, body)
  }

  #metrics(): LocalResponse {
    const { supervisor, metrics, state, caching, routerThreads } = this.#deps
    const { engines } = supervisor
    const threads = {
      name: 'pdgw_router_threads',
      read: () => [{ labels: {}, value: routerThreads }],
    } as const
    const ofEngines = engineGauges(engines, state, supervisor.joining)
    const body = exposition(metrics, engines, [...ofEngines, ...indexGauges(caching), threads])
    return respond(200, EXPOSITION_TYPE, body)
  }

  #engines(): LocalResponse {
    const { supervisor, state } = this.#deps
    const { engines } = supervisor
    const views = engines.map(engine => engineView(engine, engines, state, supervisor.lastError(engine)))
    const joining = supervisor.joining.map(({ url, role, error }) => ({ url, role, health: JOINING, error }))
    return json(200, { engines: [...views, ...joining] })
  }

  #index(): LocalResponse {
    const { supervisor, caching, metrics } = this.#deps
    return json(200, indexView(supervisor.engines, { ...caching, metrics }))
  }

  #add(body: string): LocalResponse {
    const { supervisor, config } = this.#deps
    const result = newEngineSchema.safeParse(parsed(body))
    if (!result.success) {
      const issues = result.error.issues.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`)
      throw new GatewayError('invalid-request', `Invalid engine: ${issues.join('; ')}`)
    }
    const { url, role, bootstrapPort, apiKey = config.engines.apiKey, ...kvEventSource } = result.data
    if ((role === 'mixed') !== (config.engines.mode === 'mixed')) {
      throw new GatewayError(
        'invalid-request',
        role === 'mixed'
          ? 'Cannot add a mixed engine: the gateway runs in mode pd; start it without --pd-disaggregation and without prefill or decode engines'
          : `Cannot add a ${role} engine: the gateway runs in mode mixed; start it with --pd-disaggregation`,
      )
    }
    if (!supervisor.add({ url, role, bootstrapPort, apiKey, ...kvEventSource })) {
      throw new GatewayError(
        'invalid-request',
        `The ${role} engine ${url} is already registered or is still draining`,
      )
    }
    return json(202, { url, role, state: JOINING })
  }

  #remove(name: string): LocalResponse {
    const url = decoded(name)
    const count = this.#deps.supervisor.remove(url)
    if (count === 0) throw unknownEngine(url)
    return json(202, { url, engines: count, state: 'draining' })
  }

  /** Also makes the pairs of the engine usable: after a repair, an operator need not wait for either. */
  #resetBreaker(name: string): LocalResponse {
    const url = decoded(name)
    const { supervisor } = this.#deps
    const found = supervisor.engines.filter(engine => engine.url === url)
    if (found.length === 0) throw unknownEngine(url)
    for (const { slot } of found) supervisor.resetFailures(slot)
    return json(200, { url, breaker: 'closed' })
  }

  #threads(): LocalResponse {
    const { heartbeats, routerThreads } = this.#deps
    const threads = Array.from({ length: routerThreads }, (_, thread) => ({
      thread,
      heartbeats: heartbeats.beatsOf(thread),
    }))
    return json(200, { threads })
  }

  #restartThread(name: string): LocalResponse {
    const { routerThreads, restartThread } = this.#deps
    const thread = Number(name)
    if (!Number.isInteger(thread) || thread < 0 || thread >= routerThreads)
      throw new GatewayError(
        'invalid-request',
        `No router thread ${name}; expected 0 to ${routerThreads - 1}`,
      )
    restartThread(thread)
    return json(202, { thread, state: 'restarting' })
  }
}

function json(status: number, value: object): LocalResponse {
  return respond(status, 'application/json', JSON.stringify(value))
}

function respond(status: number, type: string, body: string): LocalResponse {
  return { status, headers: ['content-type', type], body: Buffer.from(body) }
}

function unknownEngine(url: string): GatewayError {
  return new GatewayError('engine-not-found', `No engine has the URL ${url}`)
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch (cause) {
    const why = body.startsWith('\uFEFF') ? ': it starts with a byte order mark; send UTF-8 without one' : ''
    throw new GatewayError('invalid-json', `The request body is not valid JSON${why}`, { cause })
  }
}

/** Decodes the URL of an engine in a path, and normalizes it as the registry does. */
function decoded(name: string): string {
  try {
    return asEngineUrl(decodeURIComponent(name))
  } catch (cause) {
    throw new GatewayError(
      'invalid-request',
      'Cannot decode the engine URL in the path: it is not valid percent-encoding',
      { cause },
    )
  }
}
