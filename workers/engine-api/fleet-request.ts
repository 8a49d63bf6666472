/** Requests that are not for tokens: about the engines, or for all of them at once. Each ends in one JSON answer. */
import type { Config } from '../../src/config/config.ts'
import { neededRoles } from '../../src/config/engines.ts'
import type { Endpoint } from '../../src/core/endpoint.ts'
import type { Engine, Role } from '../../src/core/engine.ts'
import { GatewayError } from '../../src/core/errors.ts'
import type { OpenMessage } from '../../src/messages/types.ts'
import type { PairSelector } from '../selection/pair-selector.ts'
import type { Upstreams } from '../upstream/upstreams.ts'
import { callEngine, type EngineCall, type EngineResponse } from './engine-call.ts'
import {
  type FleetResponse,
  fanOutResult,
  firstGood,
  loadsOf,
  modelOf,
  modelsOf,
  serverInfoOf,
} from './fleet-response.ts'

export type FleetEndpoint = Exclude<Endpoint, 'generate' | 'chat' | 'completions' | 'abort-request'>

const PATHS = {
  models: '/v1/models',
  model: '/v1/models',
  'model-info': '/model_info',
  'server-info': '/server_info',
  loads: '/v1/loads',
  'health-generate': '/health_generate',
  'flush-cache': '/flush_cache',
  'start-profile': '/start_profile',
  'stop-profile': '/stop_profile',
} as const satisfies Record<FleetEndpoint, string>

/** Earlier names of the same endpoints, for engines that know no others. */
const OLDER_PATHS: Partial<Record<FleetEndpoint, string>> = {
  'model-info': '/get_model_info',
  'server-info': '/get_server_info',
}

const TIMEOUT_MS = 10_000
/** A probe by generation waits behind what the engine is doing. */
const GENERATE_TIMEOUT_MS = 30_000

/** Who asks, on behalf of whom. */
export interface FleetRequest {
  readonly message: OpenMessage
  readonly context: {
    readonly config: Config
    readonly pairSelector: PairSelector
    readonly upstreams: Upstreams
  }
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal
}

/** @throws GatewayError when no engine can answer. */
export async function handleFleetRequest(
  endpoint: FleetEndpoint,
  from: FleetRequest,
): Promise<FleetResponse> {
  const { pairSelector } = from.context
  const healthy = pairSelector.engines.filter(engine => pairSelector.isHealthy(engine))
  switch (endpoint) {
    case 'models':
      return modelsOf(await askOneOfEach(endpoint, groupsByModels(healthy), from))
    case 'model':
      return modelOf(await askOneOfEach(endpoint, groupsByModels(healthy), from), nameIn(from.message))
    case 'model-info':
      return firstGood(await askOneOfEach(endpoint, [healthy], from))
    case 'server-info':
      return serverInfoOf(await askAll(endpoint, healthy, from))
    case 'loads':
      return loadsOf(await askAll(endpoint, healthy, from))
    case 'health-generate':
      return fanOutResult(
        await askAll(endpoint, onePerRole(healthy, neededRoles(from.context.config)), from),
        503,
      )
    case 'flush-cache':
    case 'start-profile':
    case 'stop-profile':
      return fanOutResult(await askAll(endpoint, pairSelector.engines, from), 502)
  }
}

function askOneOfEach(
  endpoint: FleetEndpoint,
  groups: readonly (readonly Engine[])[],
  from: FleetRequest,
): Promise<EngineResponse[]> {
  if (groups.flat().length === 0) throw noEngine('engine')
  return Promise.all(groups.map(group => askInTurn(endpoint, group, from)))
}

/** An engine that has just died counts as healthy until its probes have failed: then the next is asked. */
async function askInTurn(
  endpoint: FleetEndpoint,
  engines: readonly Engine[],
  from: FleetRequest,
): Promise<EngineResponse> {
  let answer: EngineResponse | undefined
  for (const engine of engines) {
    answer = await ask(endpoint, engine, from)
    if (answer.status > 0 && answer.status < 500) return answer
  }
  if (answer === undefined) throw noEngine('engine')
  return answer
}

function noEngine(what: string): GatewayError {
  return new GatewayError('no-engine-available', `No healthy ${what} is registered.`)
}

function askAll(
  endpoint: FleetEndpoint,
  engines: readonly Engine[],
  from: FleetRequest,
): Promise<EngineResponse[]> {
  if (engines.length === 0) throw noEngine('engine')
  return Promise.all(engines.map(engine => ask(endpoint, engine, from)))
}

async function ask(endpoint: FleetEndpoint, engine: Engine, from: FleetRequest): Promise<EngineResponse> {
  const { upstreams } = from.context
  const answer = await callEngine(upstreams, engine, toCall(endpoint, PATHS[endpoint], from), from.signal)
  const older = OLDER_PATHS[endpoint]
  if (answer.status !== 404 || older === undefined) return answer
  return callEngine(upstreams, engine, toCall(endpoint, older, from), from.signal)
}

function toCall(endpoint: FleetEndpoint, path: string, { message, context }: FleetRequest): EngineCall {
  const { method, query, headers, body } = message
  const hasBody = method === 'POST' && body.length > 0
  return {
    method,
    path: query === '' ? path : `${path}?${query}`,
    headers: hasBody ? [...headers, 'content-type', 'application/json'] : headers,
    body: hasBody ? body : undefined,
    timeoutMs: endpoint === 'health-generate' ? GENERATE_TIMEOUT_MS : TIMEOUT_MS,
    limitBytes: context.config.limits.answerBytes,
  }
}

/** The name that the path held. */
function nameIn({ body }: OpenMessage): string {
  return Buffer.from(body).toString('utf8')
}

/** Engines that name the same models would all say the same. */
function groupsByModels(engines: readonly Engine[]): readonly (readonly Engine[])[] {
  return [...Map.groupBy(engines, engine => engine.models.join('\n')).values()]
}

/** @throws GatewayError when a role is missing: a pair of one cannot generate. */
function onePerRole(engines: readonly Engine[], roles: readonly Role[]): Engine[] {
  return roles.map(role => {
    const engine = engines.find(each => each.role === role)
    if (engine === undefined) throw noEngine(`${role} engine`)
    return engine
  })
}
