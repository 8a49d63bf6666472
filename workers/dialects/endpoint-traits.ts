/** What the gateway must know of the requests of each endpoint. Facts of SGLang 0.5.23, most of them of vLLM, too. */
import type { GenerationEndpoint } from '../../src/core/endpoint.ts'

export interface EndpointTraits {
  /** The path at the engines. */
  readonly path: string
  /** The member by which engines take the name of a request; `undefined` if they give it one that nobody can know. */
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

const COMMON = { ridKey: 'rid', promptKeys: [], hasSamples: true, holdsBackForTools: false } as const

export const ENDPOINT_TRAITS: Readonly<Record<GenerationEndpoint, EndpointTraits>> = {
  generate: {
    ...COMMON,
    path: '/generate',
    promptKeys: ['text', 'input_ids', 'input_embeds'],
    maxTokensKeys: ['max_new_tokens'],
  },
  chat: { ...COMMON, path: '/v1/chat/completions', maxTokensKeys: ['max_completion_tokens', 'max_tokens'] },
  completions: {
    ...COMMON,
    path: '/v1/completions',
    promptKeys: ['prompt'],
    maxTokensKeys: ['max_tokens'],
  },
  responses: {
    ...COMMON,
    path: '/v1/responses',
    ridKey: 'request_id',
    maxTokensKeys: [],
    hasSamples: false,
    holdsBackForTools: true,
  },
  messages: { ...COMMON, path: '/v1/messages', ridKey: undefined, maxTokensKeys: [], hasSamples: false },
}
