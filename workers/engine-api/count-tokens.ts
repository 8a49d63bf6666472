/**
 * `/v1/messages/count_tokens`: one engine, of any role, applies its chat template and counts. Nothing is generated, so the
 * request needs neither a pair nor room in a scheduler.
 */
import type { Engine } from '../../src/core/engine.ts'
import { servingTest } from '../../src/eligibility/api-support.ts'
import { statusFailure } from '../classify/reported-failure.ts'
import { MESSAGES_DIALECT } from '../dialects/messages.ts'
import { BodyScan } from '../request/body-scan.ts'
import { type FieldLimits, type RequestFields, readFields } from '../request/fields.ts'
import { unservedEndpoint } from '../selection/preflight.ts'
import { AT_ONCE_BYTES, type TurnQueue } from '../turns/turn-queue.ts'
import type { EngineResponse } from './engine-call.ts'
import type { FleetResponse } from './fleet-response.ts'

const PATH = '/v1/messages/count_tokens'

export interface ModelReading {
  readonly limits: FieldLimits & { readonly stepBytes: number }
  readonly turns: Pick<TurnQueue, 'add'>
}

/** The model that the request names. A large body is read in steps. Rejects with a `GatewayError` if the body is invalid. */
export async function modelIn(
  body: Uint8Array,
  { limits, turns }: ModelReading,
): Promise<string | undefined> {
  if (body.length <= AT_ONCE_BYTES) return readFields('messages', body, limits).model
  const fields = await new Promise<RequestFields>((resolve, reject) => {
    const reading = { fieldOptions: limits, stepWork: limits.stepBytes }
    turns.add(new BodyScan({ endpoint: 'messages', body, ...reading, onFields: resolve, onError: reject }))
  })
  return fields.model
}

/**
 * The engines to ask, one after the other. Those that report another model come last: they may know the name all the same.
 * `turn`: a number that differs from request to request, so that engines take turns.
 *
 * @throws {GatewayError} if no engine serves the path
 */
export function countingEngines(
  engines: readonly Engine[],
  model: string | undefined,
  turn: number,
): readonly Engine[] {
  const serves = servingTest('count-tokens')
  const able = serves === undefined ? engines : engines.filter(serves)
  if (able.length === 0 && engines.length > 0) throw unservedEndpoint(PATH).error
  const start = turn % Math.max(1, able.length)
  const inTurn = [...able.slice(start), ...able.slice(0, start)]
  const isNamed = ({ models }: Engine): boolean => model !== undefined && models.includes(model)
  return [...inTurn.filter(isNamed), ...inTurn.filter(engine => !isNamed(engine))]
}

/** The engine's own response. @throws {GatewayError} for an error */
export function countOf({ status, body, engine }: EngineResponse): FleetResponse {
  if (status >= 200 && status < 300) return { status, body: body.toString('utf8') }
  const leg = engine.role === 'prefill' ? 'prefill' : 'decode'
  const [shown, text] =
    status === 0 ? [502, JSON.stringify({ message: body.toString('utf8') })] : [status, body]
  throw statusFailure(leg, shown, Buffer.from(text), { dialect: MESSAGES_DIALECT }).error
}
