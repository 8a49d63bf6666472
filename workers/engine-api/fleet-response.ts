/** Makes one answer of what several engines said. Pure. */
import { errorBody, GatewayError } from '../../src/core/errors.ts'
import { statusFailure } from '../classify/reported-failure.ts'
import { isObject, type Json, parseObject } from '../json/parse.ts'
import { unknownModelError } from '../selection/preflight.ts'
import type { EngineResponse } from './engine-call.ts'

export interface FleetResponse {
  readonly status: number
  /** JSON text. */
  readonly body: string
}

/** The first good answer, as it is. @throws GatewayError when there is none. */
export function firstGood(answers: readonly EngineResponse[]): FleetResponse {
  const [good] = goodOnes(answers)
  return { status: 200, body: good.body.toString('utf8') }
}

/** All models of all engines, each once. @throws GatewayError when no engine answered. */
export function modelsOf(answers: readonly EngineResponse[]): FleetResponse {
  return { status: 200, body: JSON.stringify({ object: 'list', data: [...modelsById(answers).values()] }) }
}

/** The one model of that name. @throws GatewayError when no engine answered, or none has it. */
export function modelOf(answers: readonly EngineResponse[], name: string): FleetResponse {
  const model = modelsById(answers).get(name)
  if (model === undefined) throw unknownModelError(name)
  return { status: 200, body: JSON.stringify(model) }
}

function modelsById(answers: readonly EngineResponse[]): Map<unknown, unknown> {
  const models = goodOnes(answers).flatMap(answer => listAt(parse(answer), 'data'))
  return new Map(models.map(model => [isObject(model) ? model['id'] : model, model]))
}

/**
 * `prefill` and `decode` hold each engine's own answer; `internal_states` are those of the decode engines, where
 * benchmark tools look for them. A single engine that does both is passed on as it is, with the two lists empty.
 *
 * @throws GatewayError when there is nothing that a reader could index: no decode engine, or no engine at all.
 */
export function serverInfoOf(answers: readonly EngineResponse[]): FleetResponse {
  const good = goodOnes(answers)
  const of = (role: string): Json[] =>
    good
      .filter(answer => answer.engine.role === role)
      .map(answer => Object.assign({ url: answer.engine.url }, parse(answer)))
  const [mixed] = of('mixed')
  if (mixed !== undefined) return { status: 200, body: JSON.stringify({ ...mixed, prefill: [], decode: [] }) }
  const decode = of('decode')
  if (decode.length === 0) throw new GatewayError('no-engine-available', 'No decode engine has answered.')
  const states = decode.flatMap(info => listAt(info, 'internal_states'))
  return { status: 200, body: JSON.stringify({ internal_states: states, prefill: of('prefill'), decode }) }
}

/** The loads of all engines in one list, each with its engine and role; an engine that did not answer has an error. */
export function loadsOf(answers: readonly EngineResponse[]): FleetResponse {
  const loads = answers.flatMap<Json>(answer => {
    const about = { engine: answer.engine.url, role: answer.engine.role }
    if (answer.status !== 200) return [{ ...about, error: textOf(answer) }]
    return listAt(parse(answer), 'loads').map(load => Object.assign({}, about, isObject(load) ? load : {}))
  })
  return { status: 200, body: JSON.stringify({ timestamp: new Date().toISOString(), loads }) }
}

/** 200 when all engines said 2xx, else `failedStatus` with OpenAI's error and what each engine said. */
export function fanOutResult(answers: readonly EngineResponse[], failedStatus: number): FleetResponse {
  const results = answers.map(answer => ({
    engine: answer.engine.url,
    role: answer.engine.role,
    status: answer.status,
    message: textOf(answer),
  }))
  const failed = answers.filter(answer => !isGood(answer))
  if (failed.length === 0) return { status: 200, body: JSON.stringify({ success: true, results }) }
  const message = `${failed.length} of ${answers.length} engines failed: ${failed.map(describe).join('; ')}`
  const error = new GatewayError('engine-error', message, { status: failedStatus })
  return {
    status: failedStatus,
    body: JSON.stringify({ ...parseObject(errorBody(error)), success: false, results }),
  }
}

function describe(answer: EngineResponse): string {
  return `${answer.engine.url} (${answer.status || 'unreachable'}) ${textOf(answer)}`
}

function goodOnes(answers: readonly EngineResponse[]): [EngineResponse, ...EngineResponse[]] {
  const [first, ...others] = answers.filter(isGood)
  if (first !== undefined) return [first, ...others]
  throw refusalIn(answers) ?? unreachable(answers)
}

/** A key that is missing, a path that the engine does not have: its own word says more than ours. */
function refusalIn(answers: readonly EngineResponse[]): GatewayError | undefined {
  const refusal = answers.find(({ status }) => status >= 400 && status < 500)
  if (refusal === undefined) return undefined
  const leg = refusal.engine.role === 'prefill' ? 'prefill' : 'decode'
  return statusFailure(leg, refusal.status, refusal.body).error
}

function unreachable(answers: readonly EngineResponse[]): GatewayError {
  const said = answers.map(describe).join('; ')
  return new GatewayError('engine-unreachable', `No engine gave an answer: ${said}`, { retryable: false })
}

function isGood(answer: EngineResponse): boolean {
  return answer.status >= 200 && answer.status < 300
}

function parse(answer: EngineResponse): Json {
  return parseObject(answer.body.toString('utf8')) ?? {}
}

function textOf(answer: EngineResponse): string {
  return answer.body.toString('utf8', 0, 300).trim()
}

function listAt(object: Json, key: string): unknown[] {
  const value = object[key]
  return Array.isArray(value) ? value : []
}
