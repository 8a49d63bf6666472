/** Requests that no attempt could help: no engine serves the model, or the pair would not take the prompt. Pure. */
import { GatewayError } from '../../src/core/errors.ts'
import type { Failure } from '../classify/failure.ts'
import type { RequestFields } from '../request/fields.ts'
import type { Pair } from './pair-selector.ts'

export function unknownModel(model: string | undefined): Failure {
  return { cause: 'status', blame: 'none', error: unknownModelError(model) }
}

export function unknownModelError(model: string | undefined): GatewayError {
  return new GatewayError('model-not-found', `No engine serves the model ${JSON.stringify(model)}.`)
}

/** An engine that finds a prompt too long only in its scheduler answers 200 with made-up text: it must not get there. */
export function findTooLong(fields: RequestFields, { prefill, decode }: Pair): Failure | undefined {
  const limit = Math.min(prefill?.maxInputTokens ?? Infinity, decode.maxInputTokens ?? Infinity)
  if (limit === Infinity) return undefined
  const promptTokens = fields.countPromptTokens()
  if (promptTokens === undefined || promptTokens <= limit) return undefined
  const message = `The input (${promptTokens} tokens) is longer than the engines' limit of ${limit} tokens.`
  return { cause: 'status', blame: 'none', error: new GatewayError('invalid-request', message) }
}
