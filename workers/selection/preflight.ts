/** Rejects requests that no attempt could serve: no engine has the model, or the prompt is too long. Pure. */
import type { Engine } from '../../src/core/engine.ts'
import { GatewayError } from '../../src/core/errors.ts'
import type { Failure } from '../classify/failure.ts'
import { rejectedFailure } from '../classify/request-failure.ts'
import type { RequestFields } from '../request/fields.ts'
import type { Pair } from './pair-selector.ts'

const WAITING_RETRY_AFTER_MS = 2000
const LISTED_MODELS = 20

export function unknownModel(model: string | undefined): Failure {
  return rejectedFailure(unknownModelError(model))
}

/** `models`: the names that the request could have. */
export function unnamedModel(models: readonly string[]): Failure {
  const names = models.slice(0, LISTED_MODELS).join(', ') + (models.length > LISTED_MODELS ? ', …' : '')
  const message = `The engines serve several models (${names}): name one of them in the field "model"`
  return rejectedFailure(new GatewayError('invalid-request', message))
}

export function unknownModelError(model: string | undefined): GatewayError {
  return new GatewayError('model-not-found', `No engine serves the model ${JSON.stringify(model)}`)
}

/**
 * A batch that no engine may get. `engines`: those that serve the model, healthy or not. `largestOn`: prompts of the
 * largest batch that an engine may get.
 */
export function findTooMany(
  prompts: number,
  engines: readonly Engine[],
  largestOn: (engine: Engine) => number,
): Failure | undefined {
  const byRole = Map.groupBy(engines, ({ role }) => role).values()
  const limit = Math.min(...Array.from(byRole, ofRole => Math.max(...ofRole.map(largestOn))))
  if (prompts <= limit) return undefined
  const message = `The request has ${prompts} prompts, but at most ${limit} are allowed with these engines: send them in several requests`
  return rejectedFailure(new GatewayError('invalid-request', message))
}

/** Too many requests that need much room at once are waiting already. */
export function tooManyWaiting(prompts: number): Failure {
  const message = `There is no room for ${prompts} prompts at once, and too many such requests are waiting: send fewer prompts in a request, or try again later`
  return rejectedFailure(new GatewayError('queue-full', message, { retryAfterMs: WAITING_RETRY_AFTER_MS }))
}

/**
 * An engine that notices only in its scheduler that a prompt is too long responds with status 200 and invalid text, so
 * such a prompt must not reach it.
 */
export function findTooLong(fields: RequestFields, { prefill, decode }: Pair): Failure | undefined {
  const limit = Math.min(prefill?.maxInputTokens ?? Infinity, decode.maxInputTokens ?? Infinity)
  if (limit === Infinity) return undefined
  const promptTokens = fields.countPromptTokens()
  if (promptTokens === undefined || promptTokens <= limit) return undefined
  const message = `The prompt has ${promptTokens} tokens; the engines accept at most ${limit}`
  return rejectedFailure(new GatewayError('invalid-request', message))
}
