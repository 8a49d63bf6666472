/**
 * What the admin listener serves: probes, metrics, the engines and their changes. Changes are taken from this machine
 * only, unless the configuration opens them: there is no login here.
 */
import type { Config } from '../config/config.ts'
import { asEngineUrl, newEngineSchema } from '../config/engines.ts'
import { neededRoles } from '../config/needed-roles.ts'
import type { EngineSupervisor } from '../control/engine-supervisor.ts'
import { toErrorResponse } from '../core/error-response.ts'
import { GatewayError } from '../core/errors.ts'
import { readinessOf, readinessReport } from '../core/readiness.ts'
import type { Heartbeats } from '../shared/heartbeats.ts'
import { EXPOSITION_TYPE, exposition } from '../telemetry/exposition.ts'
import type { MetricReader } from '../telemetry/metric-reader.ts'
import { type AdminAnswer, type AdminHandler, type AdminRequest } from './admin-server.ts'
import { type EngineState, engineGauges, engineView } from './engine-views.ts'

export interface AdminDependencies {
  readonly config: Config
  readonly supervisor: EngineSupervisor
  readonly state: EngineState
  readonly metrics: MetricReader
  readonly heartbeats: Heartbeats
  readonly routerThreads: number
  /** The gateway is on its way down. */
  readonly isDraining: () => boolean
  readonly restartThread: (thread: number) => void
}

type Action = (request: AdminRequest, name: string) => AdminAnswer

const ALIVE = answerOf(200, 'text/plain', 'OK')

interface AdminRoute {
  /** The first group, if any, is the name handed to the action. */
  readonly path: RegExp
  readonly actions: Readonly<Record<string, Action>>
}

export class AdminRoutes implements AdminHandler {
  readonly #deps: AdminDependencies
  readonly #routes: readonly AdminRoute[]

  constructor(deps: AdminDependencies) {
    this.#deps = deps
    this.#routes = [
      { path: /^\/(?:health|liveness)$/, actions: { GET: () => ALIVE } },
      { path: /^\/readiness$/, actions: { GET: () => this.#readiness() } },
      { path: /^\/metrics$/, actions: { GET: () => this.#metrics() } },
      {
        path: /^\/admin\/engines$/,
        actions: { GET: () => this.#engines(), POST: ({ body }) => this.#add(body) },
      },
      // The URL of an engine may stand there as it is, slashes and all, or percent-encoded. A slash after the order is
      // none of the URL: it would be taken for an engine of that name.
      {
        path: /^\/admin\/engines\/(.+)\/reset-breaker\/?$/,
        actions: { POST: (_, name) => this.#resetBreaker(name) },
      },
      { path: /^\/admin\/engines\/(.+)$/, actions: { DELETE: (_, name) => this.#remove(name) } },
      { path: /^\/admin\/threads$/, actions: { GET: () => this.#threads() } },
      {
        path: /^\/admin\/threads\/([^/]+)\/restart$/,
        actions: { POST: (_, name) => this.#restartThread(name) },
      },
    ]
  }

  handle(request: AdminRequest): AdminAnswer {
    const { method, path, isLocal } = request
    for (const route of this.#routes) {
      const match = route.path.exec(path)
      if (match === null) continue
      const allow = Object.keys(route.actions).join(', ')
      const action = route.actions[method === 'HEAD' ? 'GET' : method]
      if (action === undefined) {
        return toErrorResponse(new GatewayError('method-not-allowed', `${path} takes ${allow}`), allow)
      }
      const isChange = method !== 'GET' && method !== 'HEAD'
      if (isChange && !isLocal && !this.#deps.config.admin.allowRemoteChanges) {
        throw new GatewayError('forbidden', 'changes are taken from this machine only')
      }
      return action(request, match[1] ?? '')
    }
    throw new GatewayError('route-not-found', `no route ${method} ${path}`)
  }

  #readiness(): AdminAnswer {
    const { config, supervisor, state, isDraining } = this.#deps
    const readiness = readinessOf(neededRoles(config), supervisor.engines, state.slots)
    const { status, body } = readinessReport(readiness, isDraining())
    return json(status, body)
  }

  #metrics(): AdminAnswer {
    const { supervisor, metrics, state, routerThreads } = this.#deps
    const { engines } = supervisor
    const threads = {
      name: 'pdgw_router_threads',
      read: () => [{ labels: {}, value: routerThreads }],
    } as const
    const body = exposition(metrics, engines, [...engineGauges(engines, state), threads])
    return answerOf(200, EXPOSITION_TYPE, body)
  }

  #engines(): AdminAnswer {
    const { supervisor, state } = this.#deps
    const { engines } = supervisor
    return json(200, { engines: engines.map(engine => engineView(engine, engines, state)) })
  }

  #add(body: string): AdminAnswer {
    const { supervisor, config } = this.#deps
    const result = newEngineSchema.safeParse(parsed(body))
    if (!result.success) {
      const [issue] = result.error.issues
      throw new GatewayError('invalid-request', `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`)
    }
    const { url, role, bootstrapPort } = result.data
    if ((role === 'mixed') !== (config.engines.mode === 'mixed')) {
      throw new GatewayError(
        'invalid-request',
        `the mode ${config.engines.mode} has no engines of role ${role}`,
      )
    }
    if (!supervisor.add({ url, role, bootstrapPort })) {
      throw new GatewayError('invalid-request', `the ${role} engine ${url} is there already, or drains`)
    }
    return json(202, { url, role, state: 'joining' })
  }

  #remove(name: string): AdminAnswer {
    const url = decoded(name)
    const count = this.#deps.supervisor.remove(url)
    if (count === 0) throw new GatewayError('engine-not-found', `there is no engine ${url}`)
    return json(202, { url, engines: count, state: 'draining' })
  }

  /** Its links are made whole, too: what an operator has mended is not to be waited for. */
  #resetBreaker(name: string): AdminAnswer {
    const url = decoded(name)
    const { supervisor } = this.#deps
    const found = supervisor.engines.filter(engine => engine.url === url)
    if (found.length === 0) throw new GatewayError('engine-not-found', `there is no engine ${url}`)
    for (const { slot } of found) supervisor.resetFailures(slot)
    return json(200, { url, breaker: 'closed' })
  }

  #threads(): AdminAnswer {
    const { heartbeats, routerThreads } = this.#deps
    const threads = Array.from({ length: routerThreads }, (_, thread) => ({
      thread,
      heartbeats: heartbeats.beatsOf(thread),
    }))
    return json(200, { threads })
  }

  #restartThread(name: string): AdminAnswer {
    const { routerThreads, restartThread } = this.#deps
    const thread = Number(name)
    if (!Number.isInteger(thread) || thread < 0 || thread >= routerThreads)
      throw new GatewayError('invalid-request', `threads are 0 to ${routerThreads - 1}`)
    restartThread(thread)
    return json(202, { thread, state: 'restarting' })
  }
}

function json(status: number, value: object): AdminAnswer {
  return answerOf(status, 'application/json', JSON.stringify(value))
}

function answerOf(status: number, type: string, body: string): AdminAnswer {
  return { status, headers: ['content-type', type], body: Buffer.from(body) }
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch (cause) {
    throw new GatewayError('invalid-json', 'the body is not JSON', { cause })
  }
}

/** The engine that is meant, as the registry writes it. */
function decoded(name: string): string {
  try {
    return asEngineUrl(decodeURIComponent(name))
  } catch (cause) {
    throw new GatewayError('invalid-request', 'the URL of the engine is not percent-encoded', { cause })
  }
}
