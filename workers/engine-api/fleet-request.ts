/** Handles requests about the engines, or for all engines at once. Each results in one JSON response. */
import type { Config } from '../../src/config/config.ts'
import { neededRoles } from '../../src/config/engines.ts'
import type { Endpoint, GenerationEndpoint } from '../../src/core/endpoint.ts'
import type { Engine, Role } from '../../src/core/engine.ts'
import { GatewayError } from '../../src/core/errors.ts'
import type { OpenMessage } from '../../src/messages/types.ts'
import type { PairSelector } from '../selection/pair-selector.ts'
import type { TurnQueue } from '../turns/turn-queue.ts'
import type { Upstreams } from '../upstream/upstreams.ts'
import { changeHeaders } from './change-headers.ts'
import { countingEngines, countOf, modelIn } from './count-tokens.ts'
import { callEngine, type EngineCall, type EngineResponse } from './engine-call.ts'
import {
  type FleetResponse,
  fanOutResult,
  firstGood,
  knownModels,
  loadsOf,
  modelNames,
  modelOf,
  modelsOf,
  serverInfoOf,
} from './fleet-response.ts'
import type { ModelNews } from './model-news.ts'

export type FleetEndpoint = Exclude<Endpoint, GenerationEndpoint | 'abort-request'>

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
  'count-tokens': '/v1/messages/count_tokens',
} as const satisfies Record<FleetEndpoint, string>

/** Previous paths of the same endpoints, for older engines. */
const OLDER_PATHS: Partial<Record<FleetEndpoint, string>> = {
  'model-info': '/get_model_info',
  'server-info': '/get_server_info',
}

const UNCODED = ['accept-encoding', 'identity']

const TIMEOUT_MS = 10_000
/** Of what engines answer from memory, within milliseconds. */
const MEMORY_TIMEOUT_MS = 1000
const FROM_MEMORY: ReadonlySet<FleetEndpoint> = new Set(['models', 'model', 'model-info'])
/** A health check that generates a token has to wait for the engine's running requests. */
const GENERATE_TIMEOUT_MS = 30_000

export interface FleetRequest {
  readonly message: OpenMessage
  readonly context: {
    readonly config: Config
    readonly pairSelector: PairSelector
    readonly upstreams: Upstreams
    readonly modelNews: Pick<ModelNews, 'learn'>
    /** What engines are believed to have cached. */
    readonly caches: { forget(slot: number): void }
    /** The long work of this thread. */
    readonly turns: Pick<TurnQueue, 'add'>
  }
  /** Aborted when the client disconnects. */
  readonly signal: AbortSignal
}

/** @throws GatewayError if no engine can respond */
export async function handleFleetRequest(
  endpoint: FleetEndpoint,
  request: FleetRequest,
): Promise<FleetResponse> {
  const { pairSelector } = request.context
  if (isForAll(endpoint)) return fanOutResult(await askAll(endpoint, pairSelector.engines, request), 502)
  const healthy = pairSelector.engines.filter(engine => pairSelector.isHealthy(engine))
  switch (endpoint) {
    case 'models':
      return modelsOf(await askForModels(endpoint, healthy, request))
    case 'model':
      return modelOf(await askForModels(endpoint, healthy, request), nameIn(request.message))
    case 'model-info':
      return firstGood(await askOneOfEach(endpoint, [healthy], request))
    case 'server-info':
      return serverInfoOf(await askAll(endpoint, healthy, request))
    case 'loads':
      return loadsOf(await askAll(endpoint, healthy, request))
    case 'health-generate':
      return fanOutResult(
        await askAll(endpoint, onePerRole(healthy, neededRoles(request.context.config)), request),
        503,
      )
    case 'count-tokens':
      return countTokens(healthy, request)
  }
}

/** Whether the request goes to every engine, the unhealthy ones included. */
function isForAll(endpoint: FleetEndpoint): endpoint is 'flush-cache' | 'start-profile' | 'stop-profile' {
  return endpoint === 'flush-cache' || endpoint === 'start-profile' || endpoint === 'stop-profile'
}

async function countTokens(healthy: readonly Engine[], request: FleetRequest): Promise<FleetResponse> {
  const { message, context } = request
  const model = await modelIn(message.body, { limits: context.config.limits, turns: context.turns })
  const engines = countingEngines(healthy, model, message.id)
  return countOf(await askInTurn('count-tokens', engines, request))
}

function askOneOfEach(
  endpoint: FleetEndpoint,
  groups: readonly (readonly Engine[])[],
  request: FleetRequest,
): Promise<EngineResponse[]> {
  if (groups.flat().length === 0) throw noEngine('engine')
  return Promise.all(groups.map(group => askInTurn(endpoint, group, request)))
}

/**
 * An engine that hangs or fails does not hold up the response: what is known of its models stands in. What the response
 * lists can be asked for at once.
 */
async function askForModels(
  endpoint: FleetEndpoint,
  engines: readonly Engine[],
  request: FleetRequest,
): Promise<EngineResponse[]> {
  const groups = groupsByModels(engines)
  if (groups.length === 0) throw noEngine('engine')
  const responses = await Promise.all(
    groups.map(async group => {
      const [first] = group
      if (first === undefined || first.models.length === 0) return askInTurn(endpoint, group, request)
      const response = await ask(endpoint, first, request)
      return isAnswer(response) ? response : knownModels(first)
    }),
  )
  await request.context.modelNews.learn(modelNames(responses))
  return responses
}

/**
 * Asks the other engines, all at once, if one fails: an engine that has just died counts as healthy until its probes fail,
 * and of many that hang none must be waited for before the next.
 */
async function askInTurn(
  endpoint: FleetEndpoint,
  [first, ...others]: readonly Engine[],
  request: FleetRequest,
): Promise<EngineResponse> {
  if (first === undefined) throw noEngine('engine')
  const response = await ask(endpoint, first, request)
  if (isAnswer(response) || others.length === 0) return response
  const good = async (engine: Engine): Promise<EngineResponse> => {
    const other = await ask(endpoint, engine, request)
    return isAnswer(other) ? other : Promise.reject(other)
  }
  return Promise.any(others.map(good)).catch(() => response)
}

function isAnswer({ status }: EngineResponse): boolean {
  return status > 0 && status < 500
}

function noEngine(what: string): GatewayError {
  return new GatewayError('no-engine-available', `No healthy ${what} is registered`)
}

function askAll(
  endpoint: FleetEndpoint,
  engines: readonly Engine[],
  request: FleetRequest,
): Promise<EngineResponse[]> {
  if (engines.length === 0) throw noEngine('engine')
  return Promise.all(engines.map(engine => ask(endpoint, engine, request)))
}

async function ask(endpoint: FleetEndpoint, engine: Engine, request: FleetRequest): Promise<EngineResponse> {
  const { upstreams, caches } = request.context
  const response = await callEngine(
    upstreams,
    engine,
    toCall(endpoint, PATHS[endpoint], engine, request),
    request.signal,
  )
  // Not only when all engines have responded: until then prompts would go there for what it has no more. One that is not
  // idle refuses with 400 and keeps its cache (SGLang 0.5.23).
  if (endpoint === 'flush-cache' && response.status === 200) caches.forget(engine.slot)
  const older = OLDER_PATHS[endpoint]
  if (response.status !== 404 || older === undefined) return response
  return callEngine(upstreams, engine, toCall(endpoint, older, engine, request), request.signal)
}

function toCall(
  endpoint: FleetEndpoint,
  path: string,
  engine: Engine,
  { message, context }: FleetRequest,
): EngineCall {
  const { method, query, body } = message
  const hasBody = method === 'POST' && body.length > 0
  const headers = isForAll(endpoint) ? changeHeaders(message, engine, context.config) : message.headers
  return {
    method,
    path: query === '' ? path : `${path}?${query}`,
    headers: [...headers, ...UNCODED, ...(hasBody ? ['content-type', 'application/json'] : [])],
    body: hasBody ? body : undefined,
    timeoutMs: timeoutOf(endpoint),
    limitBytes: context.config.limits.responseBytes,
  }
}

function timeoutOf(endpoint: FleetEndpoint): number {
  if (endpoint === 'health-generate') return GENERATE_TIMEOUT_MS
  return FROM_MEMORY.has(endpoint) ? MEMORY_TIMEOUT_MS : TIMEOUT_MS
}

/** The model name from the path, which the front end sends as the body. */
function nameIn({ body }: OpenMessage): string {
  return Buffer.from(body).toString('utf8')
}

/** Groups engines that serve the same models: one of each group is enough. */
function groupsByModels(engines: readonly Engine[]): readonly (readonly Engine[])[] {
  return [...Map.groupBy(engines, engine => engine.models.join('\n')).values()]
}

/** @throws GatewayError if a role has no engine, because half a pair cannot generate */
function onePerRole(engines: readonly Engine[], roles: readonly Role[]): Engine[] {
  return roles.map(role => {
    const engine = engines.find(candidate => candidate.role === role)
    if (engine === undefined) throw noEngine(`${role} engine`)
    return engine
  })
}
