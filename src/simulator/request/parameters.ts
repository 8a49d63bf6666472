/** What a request of each endpoint asks for: prompts, lengths, logprobs. Reading only. */

import { type ChatMessage, chatPromptText } from '../sequence/output-script.ts'
import type { LogprobsWanted, Prompt } from '../sequence/sequence.ts'
import { idsPrompt, textPrompt } from '../sequence/tokenizer.ts'
import type { Knobs } from '../settings/knobs.ts'
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

export type Endpoint = 'generate' | 'chat' | 'completions'

export interface Ask {
  readonly prompts: readonly Prompt[]
  readonly isBatch: boolean
  readonly n: number
  maxTokens(item: number): number
  ignoreEos(item: number): boolean
  logprobs(item: number): LogprobsWanted | undefined
}

const NATIVE_MAX_TOKENS = 128
const COMPLETIONS_MAX_TOKENS = 16

export function askOf(endpoint: Endpoint, body: Fields, knobs: Knobs): Ask {
  switch (endpoint) {
    case 'generate':
      return nativeAsk(body)
    case 'chat':
      return chatAsk(body, knobs)
    case 'completions':
      return completionsAsk(body)
  }
}

function nativeAsk(body: Fields): Ask {
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
    logprobs: item => nativeLogprobs(body, item),
  }
}

function nativePrompts(body: Fields): { prompts: Prompt[]; isBatch: boolean } {
  const text = body['text']
  const ids = body['input_ids']
  if (typeof text === 'string') return { prompts: [textPrompt(text)], isBatch: false }
  if (Array.isArray(text)) return { prompts: text.map(one => textPrompt(String(one))), isBatch: true }
  const one = asIntegers(ids)
  if (one !== undefined) return { prompts: [idsPrompt(one)], isBatch: false }
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

function nativeLogprobs(body: Fields, item: number): LogprobsWanted | undefined {
  if (entryOf(body['return_logprob'], item) !== true) return undefined
  const startLen = entryOf(body['logprob_start_len'], item)
  const top = entryOf(body['top_logprobs_num'], item)
  const given = body['token_ids_logprob']
  // A flat list is for every item, a list of lists has one an item.
  const tokenIds = asIntegers(given) ?? asIntegers(Array.isArray(given) ? given[item] : undefined)
  return {
    startLen: typeof startLen === 'number' ? startLen : -1,
    top: typeof top === 'number' ? top : 0,
    tokenIds,
    withText: flagOf(body, 'return_text_in_logprobs'),
  }
}

function chatAsk(body: Fields, knobs: Knobs): Ask {
  const messages = body['messages']
  if (!Array.isArray(messages) || !messages.every(isMessage)) {
    throw new RequestError('validation', '1 validation error: body.messages: Input should be a valid list')
  }
  if (messages.length === 0) throw new RequestError('value', 'Messages cannot be empty.')
  const top = flagOf(body, 'logprobs') ? (integerOf(body, 'top_logprobs') ?? 0) : undefined
  const maxTokens =
    integerOf(body, 'max_completion_tokens') ?? integerOf(body, 'max_tokens') ?? knobs.defaultChatTokens
  return openAiAsk(body, { prompts: [textPrompt(chatPromptText(messages))], isBatch: false, maxTokens, top })
}

function completionsAsk(body: Fields): Ask {
  const prompt = body['prompt']
  const maxTokens = integerOf(body, 'max_tokens') ?? COMPLETIONS_MAX_TOKENS
  const top = integerOf(body, 'logprobs')
  if (typeof prompt === 'string') {
    return openAiAsk(body, { prompts: [textPrompt(prompt)], isBatch: false, maxTokens, top })
  }
  const ids = asIntegers(prompt)
  if (ids !== undefined && ids.length > 0) {
    return openAiAsk(body, { prompts: [idsPrompt(ids)], isBatch: false, maxTokens, top })
  }
  if (!Array.isArray(prompt) || prompt.length === 0) {
    throw new RequestError('validation', '1 validation error: body.prompt: Input should be a valid string')
  }
  const prompts = prompt.map(one => (typeof one === 'string' ? textPrompt(one) : idsOrThrow(one)))
  return openAiAsk(body, { prompts, isBatch: true, maxTokens, top })
}

interface OpenAiAsk {
  readonly prompts: readonly Prompt[]
  readonly isBatch: boolean
  readonly maxTokens: number
  /** Top logprobs, undefined when none are wanted at all. */
  readonly top: number | undefined
}

function openAiAsk(body: Fields, ask: OpenAiAsk): Ask {
  if ((numberOf(body, 'temperature') ?? 0) < 0) {
    throw new RequestError('value', 'temperature must be non-negative, got a negative number.')
  }
  const ignoreEos = flagOf(body, 'ignore_eos')
  // Only an echoed prompt of /v1/completions shows its logprobs.
  const startLen = flagOf(body, 'echo') ? 0 : -1
  const logprobs =
    ask.top === undefined ? undefined : { startLen, top: ask.top, tokenIds: undefined, withText: true }
  return {
    prompts: ask.prompts,
    isBatch: ask.isBatch,
    n: integerOf(body, 'n') ?? 1,
    maxTokens: () => ask.maxTokens,
    ignoreEos: () => ignoreEos,
    logprobs: () => logprobs,
  }
}

function isMessage(value: unknown): value is ChatMessage {
  return isFields(value)
}
