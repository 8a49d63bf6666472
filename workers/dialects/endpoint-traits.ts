/** What the gateway must know of the requests of each endpoint. Facts of SGLang 0.5.23, most of them of vLLM, too. */
import { type GenerationEndpoint, RID_KEYS } from '../../src/core/endpoint.ts'

export interface EndpointTraits {
  /** The path at the engines. */
  readonly path: string
  /** `RID_KEYS` of the endpoint. */
  readonly ridKey: 'rid' | 'request_id' | undefined
  /** The members that may hold the prompts, where there may be several. The first that is not null does. */
  readonly promptKeys: readonly string[]
  /** The first that is not null bounds the output, unless engines subtract from it. */
  readonly maxTokensKeys: readonly string[]
  /** Whether `n` asks for several samples. */
  readonly hasSamples: boolean
  /** Whether an engine may hold back the events of a stream in which tools can be called, up to its end. */
  readonly holdsBackForTools: boolean
}

const COMMON = { promptKeys: [], hasSamples: true, holdsBackForTools: false } as const

export const ENDPOINT_TRAITS: Readonly<Record<GenerationEndpoint, EndpointTraits>> = {
  generate: {
    ...COMMON,
    path: '/generate',
    ridKey: RID_KEYS.generate,
    promptKeys: ['text', 'input_ids', 'input_embeds'],
    maxTokensKeys: ['max_new_tokens'],
  },
  chat: {
    ...COMMON,
    path: '/v1/chat/completions',
    ridKey: RID_KEYS.chat,
    maxTokensKeys: ['max_completion_tokens', 'max_tokens'],
  },
  completions: {
    ...COMMON,
    path: '/v1/completions',
    ridKey: RID_KEYS.completions,
    promptKeys: ['prompt'],
    maxTokensKeys: ['max_tokens'],
  },
  responses: {
    ...COMMON,
    path: '/v1/responses',
    ridKey: RID_KEYS.responses,
    maxTokensKeys: [],
    hasSamples: false,
    holdsBackForTools: true,
  },
  messages: {
    ...COMMON,
    path: '/v1/messages',
    ridKey: RID_KEYS.messages,
    maxTokensKeys: [],
    hasSamples: false,
  },
}
