/** Merges the responses of several engines into one. Pure. */
import type { Engine } from '../../src/core/engine.ts'
import { errorBody, GatewayError } from '../../src/core/errors.ts'
import { withoutHiddenDetails } from '../../src/core/text/hidden-details.ts'
import { isObject, type Json, parseObject } from '../../src/core/text/parse-json.ts'
import { statusFailure } from '../classify/reported-failure.ts'
import { unknownModelError } from '../selection/preflight.ts'
import type { EngineResponse } from './engine-call.ts'
import { withoutSecrets } from './secrets.ts'

export interface FleetResponse {
  readonly status: number
  /** JSON text. */
  readonly body: string
}

/** The first successful response, unchanged. @throws GatewayError if there is none */
export function firstGood(responses: readonly EngineResponse[]): FleetResponse {
  const [good] = successful(responses)
  return { status: 200, body: good.body.toString('utf8') }
}

/** All models of all engines, without duplicates. @throws GatewayError if no engine responded */
export function modelsOf(responses: readonly EngineResponse[]): FleetResponse {
  return { status: 200, body: JSON.stringify({ object: 'list', data: [...modelsById(responses).values()] }) }
}

/** Stands in for an engine's response to `/v1/models`: the names are those that it has registered with. */
export function knownModels(engine: Engine): EngineResponse {
  const data = engine.models.map(id => ({
    id,
    object: 'model',
    created: 0,
    owned_by: 'engine',
    root: id,
    parent: null,
  }))
  return { engine, status: 200, headers: [], body: Buffer.from(JSON.stringify({ object: 'list', data })) }
}

/** The names of all models in the successful responses. */
export function modelNames(responses: readonly EngineResponse[]): string[] {
  const models = responses.filter(isSuccess).flatMap(response => listAt(parse(response), 'data'))
  return models.map(model => isObject(model) && model['id']).filter(id => typeof id === 'string')
}

/** The model called `name`. @throws GatewayError if no engine responded, or none has the model */
export function modelOf(responses: readonly EngineResponse[], name: string): FleetResponse {
  const model = modelsById(responses).get(name)
  if (model === undefined) throw unknownModelError(name)
  return { status: 200, body: JSON.stringify(model) }
}

function modelsById(responses: readonly EngineResponse[]): Map<unknown, unknown> {
  const models = successful(responses).flatMap(response => listAt(parse(response), 'data'))
  return new Map(models.map(model => [isObject(model) ? model['id'] : model, model]))
}

/**
 * `prefill` and `decode` list the responses of the engines; `internal_states` are those of the decode engines, where
 * benchmark tools expect them. The response of a mixed engine is passed on, with both lists empty. Keys and command lines
 * of engines are left out.
 *
 * @throws GatewayError if no engine or no decode engine responded, because clients read the first element
 */
export function serverInfoOf(responses: readonly EngineResponse[]): FleetResponse {
  const good = successful(responses)
  const infoOf = (role: string): Json[] =>
    good
      .filter(response => response.engine.role === role)
      .map(response => Object.assign({ url: response.engine.url }, withoutSecrets(parse(response))))
  const [mixed] = infoOf('mixed')
  if (mixed !== undefined) return { status: 200, body: JSON.stringify({ ...mixed, prefill: [], decode: [] }) }
  const decode = infoOf('decode')
  if (decode.length === 0) throw new GatewayError('no-engine-available', 'No decode engine responded')
  const states = decode.flatMap(info => listAt(info, 'internal_states'))
  return {
    status: 200,
    body: JSON.stringify({ internal_states: states, prefill: infoOf('prefill'), decode }),
  }
}

/** The loads of all engines in one list, with engine and role. An engine that did not respond has an error instead. */
export function loadsOf(responses: readonly EngineResponse[]): FleetResponse {
  const loads = responses.flatMap<Json>(response => {
    const source = { engine: response.engine.url, role: response.engine.role }
    if (response.status !== 200) return [{ ...source, error: textOf(response) }]
    return listAt(parse(response), 'loads').map(load => Object.assign({}, source, isObject(load) ? load : {}))
  })
  return { status: 200, body: JSON.stringify({ timestamp: new Date().toISOString(), loads }) }
}

/**
 * 200 if all engines responded with 2xx, else `failedStatus` and OpenAI's error. Both list each engine's result with its
 * address, for operators; the message has none.
 */
export function fanOutResult(responses: readonly EngineResponse[], failedStatus: number): FleetResponse {
  const results = responses.map(response => ({
    engine: response.engine.url,
    role: response.engine.role,
    status: response.status,
    message: textOf(response),
  }))
  const failed = responses.filter(response => !isSuccess(response))
  if (failed.length === 0) return { status: 200, body: JSON.stringify({ success: true, results }) }
  const message = `${failed.length} of ${responses.length} engines failed: ${failed.map(describe).join('; ')}`
  const error = new GatewayError('engine-error', message, { status: failedStatus })
  return {
    status: failedStatus,
    body: JSON.stringify({ ...parseObject(errorBody(error)), success: false, results }),
  }
}

/** For clients, who are to learn no address of an engine. */
function describe(response: EngineResponse): string {
  const { engine, status } = response
  return `${engine.role} engine (${status || 'unreachable'}) ${withoutHiddenDetails(textOf(response))}`
}

/** For the log. */
function describeFully(response: EngineResponse): string {
  return `${response.engine.url} (${response.status || 'unreachable'}) ${textOf(response)}`
}

function successful(responses: readonly EngineResponse[]): [EngineResponse, ...EngineResponse[]] {
  const [first, ...others] = responses.filter(isSuccess)
  if (first !== undefined) return [first, ...others]
  throw refusalIn(responses) ?? unreachable(responses)
}

/** The error of an engine that rejected the request, such as a missing key: more precise than one of the gateway. */
function refusalIn(responses: readonly EngineResponse[]): GatewayError | undefined {
  const refusal = responses.find(({ status }) => status >= 400 && status < 500)
  if (refusal === undefined) return undefined
  const leg = refusal.engine.role === 'prefill' ? 'prefill' : 'decode'
  return statusFailure(leg, refusal.status, refusal.body).error
}

function unreachable(responses: readonly EngineResponse[]): GatewayError {
  const details = responses.map(describe).join('; ')
  return new GatewayError('engine-unreachable', `No engine responded successfully: ${details}`, {
    retryable: false,
    cause: responses.map(describeFully).join('; '),
  })
}

function isSuccess(response: EngineResponse): boolean {
  return response.status >= 200 && response.status < 300
}

function parse(response: EngineResponse): Json {
  return parseObject(response.body.toString('utf8')) ?? {}
}

function textOf(response: EngineResponse): string {
  return response.body.toString('utf8', 0, 300).trim()
}

function listAt(object: Json, key: string): unknown[] {
  const value = object[key]
  return Array.isArray(value) ? value : []
}
