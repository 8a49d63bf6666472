/** Reads the parameters of a request for each endpoint: prompts, lengths, logprobs. */

import { type ChatMessage, chatPromptText } from '../sequence/output-script.ts'
import type { LogprobParameters, Prompt } from '../sequence/sequence.ts'
import { idsPrompt, textPrompt } from '../sequence/tokenizer.ts'
import type { Knobs } from '../settings/knobs.ts'
import { messagesParameters, responsesParameters } from './agent-parameters.ts'
import {
  asIntegers,
  entryOf,
  type Fields,
  flagOf,
  integerOf,
  isFields,
  numberOf,
  RequestError,
} from './fields.ts'
import type { RequestParameters } from './request-parameters.ts'
import {
  chatOutput,
  nativeOutput,
  openAiOutput,
  type StructuredOutput,
  stopStrings,
} from './structured-output.ts'

export type Endpoint = 'generate' | 'chat' | 'completions' | 'responses' | 'messages'

const NATIVE_MAX_TOKENS = 128
const COMPLETIONS_MAX_TOKENS = 16

export function readParameters(endpoint: Endpoint, body: Fields, knobs: Knobs): RequestParameters {
  switch (endpoint) {
    case 'generate':
      return nativeParameters(body)
    case 'chat':
      return chatParameters(body, knobs)
    case 'completions':
      return completionsParameters(body)
    case 'responses':
      return responsesParameters(body, knobs)
    case 'messages':
      return messagesParameters(body)
  }
}

function nativeParameters(body: Fields): RequestParameters {
  const { prompts, isBatch } = nativePrompts(body)
  const params = (item: number): Fields => {
    const given = entryOf(body['sampling_params'], item)
    return isFields(given) ? given : {}
  }
  return {
    prompts,
    isBatch,
    n: integerOf(params(0), 'n') ?? 1,
    maxTokens: item => integerOf(params(item), 'max_new_tokens') ?? NATIVE_MAX_TOKENS,
    ignoreEos: item => flagOf(params(item), 'ignore_eos'),
    output: item => nativeOutput(params(item)),
    stop: item => stopStrings(params(item)['stop']),
    logprobs: item => nativeLogprobs(body, item),
  }
}

function nativePrompts(body: Fields): { prompts: Prompt[]; isBatch: boolean } {
  const text = body['text']
  const ids = body['input_ids']
  if (typeof text === 'string') return { prompts: [textPrompt(text)], isBatch: false }
  if (Array.isArray(text)) return { prompts: text.map(item => textPrompt(String(item))), isBatch: true }
  const single = asIntegers(ids)
  if (single !== undefined) return { prompts: [idsPrompt(single)], isBatch: false }
  if (Array.isArray(ids)) return { prompts: ids.map(idsOrThrow), isBatch: true }
  throw new RequestError('value', 'Either text, input_ids or input_embeds should be provided.')
}

function idsOrThrow(value: unknown): Prompt {
  const ids = asIntegers(value)
  if (ids === undefined) {
    throw new RequestError('validation', '1 validation error: body.input_ids: Input should be a valid list')
  }
  return idsPrompt(ids)
}

function nativeLogprobs(body: Fields, item: number): LogprobParameters | undefined {
  if (entryOf(body['return_logprob'], item) !== true) return undefined
  const startLen = entryOf(body['logprob_start_len'], item)
  const top = entryOf(body['top_logprobs_num'], item)
  const given = body['token_ids_logprob']
  // A flat list applies to every prompt; a list of lists has one list per prompt.
  const tokenIds = asIntegers(given) ?? asIntegers(Array.isArray(given) ? given[item] : undefined)
  return {
    startLen: typeof startLen === 'number' ? startLen : -1,
    top: typeof top === 'number' ? top : 0,
    tokenIds,
    withText: flagOf(body, 'return_text_in_logprobs'),
    isFlat: flagOf(body, 'return_flat_raw_top_logprobs'),
  }
}

function chatParameters(body: Fields, knobs: Knobs): RequestParameters {
  const messages = body['messages']
  if (!Array.isArray(messages) || !messages.every(isMessage)) {
    throw new RequestError('validation', '1 validation error: body.messages: Input should be a valid list')
  }
  if (messages.length === 0) throw new RequestError('value', 'Messages cannot be empty.')
  const top = flagOf(body, 'logprobs') ? (integerOf(body, 'top_logprobs') ?? 0) : undefined
  const maxTokens =
    integerOf(body, 'max_completion_tokens') ?? integerOf(body, 'max_tokens') ?? knobs.defaultChatTokens
  return openAiParameters(body, {
    prompts: [textPrompt(chatPromptText(messages))],
    isBatch: false,
    maxTokens,
    top,
    output: chatOutput(body),
  })
}

function completionsParameters(body: Fields): RequestParameters {
  const prompt = body['prompt']
  const maxTokens = integerOf(body, 'max_tokens') ?? COMPLETIONS_MAX_TOKENS
  const shared = { maxTokens, top: integerOf(body, 'logprobs'), output: openAiOutput(body) }
  if (typeof prompt === 'string') {
    return openAiParameters(body, { prompts: [textPrompt(prompt)], isBatch: false, ...shared })
  }
  const ids = asIntegers(prompt)
  if (ids !== undefined && ids.length > 0) {
    return openAiParameters(body, { prompts: [idsPrompt(ids)], isBatch: false, ...shared })
  }
  if (!Array.isArray(prompt) || prompt.length === 0) {
    throw new RequestError('validation', '1 validation error: body.prompt: Input should be a valid string')
  }
  const prompts = prompt.map(item => (typeof item === 'string' ? textPrompt(item) : idsOrThrow(item)))
  return openAiParameters(body, { prompts, isBatch: true, ...shared })
}

interface OpenAiParameters {
  readonly prompts: readonly Prompt[]
  readonly isBatch: boolean
  readonly maxTokens: number
  /** Number of top logprobs; undefined if no logprobs are requested. */
  readonly top: number | undefined
  readonly output: StructuredOutput
}

function openAiParameters(body: Fields, parameters: OpenAiParameters): RequestParameters {
  if ((numberOf(body, 'temperature') ?? 0) < 0) {
    throw new RequestError('value', 'temperature must be non-negative, got a negative number.')
  }
  const ignoreEos = flagOf(body, 'ignore_eos')
  const stop = stopStrings(body['stop'])
  // Only /v1/completions with echo returns logprobs of the prompt.
  const startLen = flagOf(body, 'echo') ? 0 : -1
  const logprobs =
    parameters.top === undefined
      ? undefined
      : { startLen, top: parameters.top, tokenIds: undefined, withText: true, isFlat: false }
  return {
    prompts: parameters.prompts,
    isBatch: parameters.isBatch,
    n: integerOf(body, 'n') ?? 1,
    maxTokens: () => parameters.maxTokens,
    ignoreEos: () => ignoreEos,
    output: () => parameters.output,
    stop: () => stop,
    logprobs: () => logprobs,
  }
}

function isMessage(value: unknown): value is ChatMessage {
  return isFields(value)
}
