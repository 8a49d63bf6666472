/**
 * Rejects requests that no attempt could serve: no engine has the model or the path, the prompt is too long, or the engines
 * accept no rank. Pure.
 */
import { GatewayError } from '../../src/core/errors.ts'
import type { RankPins } from '../../src/eligibility/rank-pins.ts'
import { takesRanksInPairs } from '../../src/eligibility/rank-pins.ts'
import type { Failure } from '../classify/failure.ts'
import { rejectedFailure } from '../classify/request-failure.ts'
import type { RequestFields } from '../request/fields.ts'
import type { Pair } from './pair-selector.ts'

const LISTED_MODELS = 20

interface PinnedRequest {
  readonly fields: RequestFields
  readonly pins?: RankPins | undefined
}

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

/** No engine has the API of the request, or can serve it as one of a pair. */
export function unservedEndpoint(path: string): Failure {
  const [why, others] = path.startsWith('/generate')
    ? ['vLLM does not', '/v1/completions or /v1/chat/completions']
    : ['SGLang does with its Python server, in pairs from version 0.5.23 on', '/v1/chat/completions']
  const message = `No registered engine serves ${path} (${why}): use ${others}`
  return rejectedFailure(new GatewayError('endpoint-not-served', message))
}

/**
 * An engine that notices only in its scheduler that a prompt is too long responds with status 200 and invalid text, so
 * such a prompt must not reach it.
 */
function findTooLong(fields: RequestFields, { prefill, decode }: Pair): Failure | undefined {
  const limit = Math.min(prefill?.maxInputTokens ?? Infinity, decode.maxInputTokens ?? Infinity)
  if (limit === Infinity) return undefined
  const promptTokens = fields.promptLengths.longest()
  // SGLang refuses a prompt of exactly `max_req_input_len` tokens, too (0.5.23).
  if (promptTokens === undefined || promptTokens < limit) return undefined
  const message = `The prompt is too long: it has ${promptTokens} tokens, but the engines accept fewer than ${limit}`
  return rejectedFailure(new GatewayError('invalid-request', message))
}

/** What the pair would not do for this request; `undefined` if it would do everything. */
export function rejectionBy(pair: Pair, { fields, pins }: PinnedRequest): Failure | undefined {
  return findTooLong(fields, pair) ?? findUnpinnable(pins, pair)
}

/** An engine that is too old would run the request on a rank of its own choice, or wait for the KV cache of another. */
function findUnpinnable(pins: RankPins | undefined, { prefill, decode }: Pair): Failure | undefined {
  if (pins === undefined || prefill === undefined) return undefined
  const old = [prefill, decode].find(engine => !takesRanksInPairs(engine))
  if (old === undefined) return undefined
  const message =
    `The ${old.role} engine (SGLang ${old.version}) accepts no data-parallel rank in a pair: ` +
    'name no rank, or have the engine updated to 0.5.10 or later'
  return rejectedFailure(new GatewayError('invalid-request', message))
}
