/** The responses of a healthy pair, byte for byte as SGLang (July 2026) writes them, for the three endpoints. */
import type { GenerationEndpoint } from '../../src/core/endpoint.ts'
import type { Leg } from '../../src/core/errors.ts'

/** The endpoints of the matrix. */
export type MatrixEndpoint = Extract<GenerationEndpoint, 'generate' | 'chat' | 'completions'>

/** The kind of request that the client sends. */
export interface Shape {
  readonly endpoint: MatrixEndpoint
  readonly isStream: boolean
}

/** Characters of one to four bytes, so that a cut may fall inside one. */
export const TOKENS: readonly string[] = ['Grüße', ' 東京', ' 🦄', ' end']
export const DONE = 'data: [DONE]\n\n'
const PROMPT_TOKENS = 7

/** Prefill generates one token, decode all of them. */
export function soundPayload(leg: Leg, shape: Shape, rid: string): string {
  const tokens = leg === 'prefill' ? TOKENS.slice(0, 1) : TOKENS
  return shape.isStream
    ? [...eventsOf(shape.endpoint, rid, tokens), DONE].join('')
    : bodyOf(shape.endpoint, rid, tokens)
}

/** The events of a stream without its `[DONE]`; the last one has the finish. */
export function eventsOf(endpoint: MatrixEndpoint, rid: string, tokens: readonly string[]): string[] {
  switch (endpoint) {
    case 'generate':
      return tokens.map((_, index) =>
        event(generated(rid, tokens.slice(0, index + 1), index === tokens.length - 1)),
      )
    case 'chat':
      return [
        chatEvent(rid, { reasoning_content: null, role: 'assistant', content: '' }),
        ...tokens.map(content => chatEvent(rid, { reasoning_content: null, content })),
        chatEvent(rid, { reasoning_content: null }, 'stop'),
      ]
    case 'completions':
      return tokens.map((text, index) =>
        completionEvent(rid, text, index === tokens.length - 1 ? 'stop' : null),
      )
  }
}

function bodyOf(endpoint: MatrixEndpoint, rid: string, tokens: readonly string[]): string {
  const usage = {
    prompt_tokens: PROMPT_TOKENS,
    total_tokens: PROMPT_TOKENS + tokens.length,
    completion_tokens: tokens.length,
  }
  const finish = { index: 0, logprobs: null, finish_reason: 'stop', matched_stop: null }
  const text = tokens.join('')
  switch (endpoint) {
    case 'generate':
      return JSON.stringify(generated(rid, tokens, true))
    case 'chat': {
      const message = { role: 'assistant', content: text, reasoning_content: null, tool_calls: null }
      return JSON.stringify({ id: rid, object: 'chat.completion', choices: [{ ...finish, message }], usage })
    }
    case 'completions':
      return JSON.stringify({ id: rid, object: 'text_completion', choices: [{ ...finish, text }], usage })
  }
}

export function event(payload: object): string {
  return `data: ${JSON.stringify(payload)}\n\n`
}

export function chatEvent(rid: string, delta: object, finish: string | null = null): string {
  const choices = [{ index: 0, delta, logprobs: null, finish_reason: finish, matched_stop: null }]
  return event({ id: rid, object: 'chat.completion.chunk', created: 1_785_000_000, model: 'm', choices })
}

export function completionEvent(rid: string, text: string, finish: string | null): string {
  const choices = [{ index: 0, text, logprobs: null, finish_reason: finish, matched_stop: null }]
  return event({
    id: rid,
    object: 'text_completion',
    created: 1_785_000_000,
    model: 'm',
    choices,
    usage: null,
  })
}

/** The body or an event of `/generate`, which repeats all tokens so far. */
export function generated(rid: string, tokens: readonly string[], finish: boolean | object): object {
  const reason = typeof finish === 'object' ? finish : finish ? { type: 'stop', matched: 2 } : null
  return {
    text: tokens.join(''),
    output_ids: tokens.map((_, index) => 1000 + index),
    meta_info: {
      id: rid,
      finish_reason: reason,
      prompt_tokens: PROMPT_TOKENS,
      weight_version: 'default',
      num_retractions: 0,
      reasoning_tokens: 0,
      completion_tokens: tokens.length,
      cached_tokens: 0,
      dp_rank: 0,
    },
  }
}
