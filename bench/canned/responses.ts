/**
 * The responses of the canned engine: one fixed body and one fixed stream for each endpoint. Pure.
 *
 * Built once at start, so that a response costs only the send. Streams are incremental: each event contains only its own
 * token, as in SGLang with --incremental-streaming-output.
 */

export type Api = 'generate' | 'chat' | 'completions'

/** The same in prefill and decode; otherwise a gateway would treat the attempt as failed. */
const PROMPT_TOKENS = 7
const BODY_BYTES = 1024
const ID = 'canned-0000000000000001'
const OPENAI = { id: ID, created: 1_785_000_000, model: 'canned' }

export const DONE = 'data: [DONE]\n\n'

/** A non-streamed body of exactly 1 KiB. */
export function bodyOf(api: Api): Buffer {
  const padding = BODY_BYTES - Buffer.byteLength(JSON.stringify(body(api, '')))
  return Buffer.from(JSON.stringify(body(api, 'x'.repeat(padding))))
}

/** The events of one stream, without `[DONE]`; the last one has the finish reason. */
export function eventsOf(api: Api, chunks: number): readonly Buffer[] {
  return Array.from({ length: chunks }, (_, index) => {
    const event = EVENTS[api](index + 1, index === chunks - 1)
    return Buffer.from(`data: ${JSON.stringify(event)}\n\n`)
  })
}

function body(api: Api, text: string): object {
  const usage = { prompt_tokens: PROMPT_TOKENS, total_tokens: PROMPT_TOKENS + 8, completion_tokens: 8 }
  const choice = { index: 0, logprobs: null, finish_reason: 'length', matched_stop: null }
  switch (api) {
    case 'generate':
      return { text, output_ids: [1, 2, 3, 4, 5, 6, 7, 8], meta_info: metaInfo(8, true) }
    case 'chat':
      return {
        ...OPENAI,
        object: 'chat.completion',
        choices: [{ ...choice, message: { role: 'assistant', content: text } }],
        usage,
      }
    case 'completions':
      return { ...OPENAI, object: 'text_completion', choices: [{ ...choice, text }], usage }
  }
}

const EVENTS: Record<Api, (tokens: number, isLast: boolean) => object> = {
  generate: (tokens, isLast) => ({
    text: ' word',
    output_ids: [tokens],
    meta_info: metaInfo(tokens, isLast),
  }),
  chat: (_, isLast) => ({
    ...OPENAI,
    object: 'chat.completion.chunk',
    choices: [{ index: 0, delta: isLast ? {} : { content: ' word' }, finish_reason: isLast ? 'stop' : null }],
  }),
  completions: (_, isLast) => ({
    ...OPENAI,
    object: 'text_completion',
    choices: [{ index: 0, text: ' word', logprobs: null, finish_reason: isLast ? 'stop' : null }],
  }),
}

function metaInfo(tokens: number, isLast: boolean): object {
  return {
    id: ID,
    finish_reason: isLast ? { type: 'length', length: tokens } : null,
    prompt_tokens: PROMPT_TOKENS,
    completion_tokens: tokens,
    cached_tokens: 0,
  }
}
