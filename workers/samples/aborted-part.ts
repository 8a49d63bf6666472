/**
 * What a client gets for a part that it has aborted by rid before the engines had anything to send: the form in which a
 * single engine ends such a prompt (SGLang 0.5.23). Pure.
 */
import type { GenerationEndpoint } from '../../src/core/endpoint.ts'

/** The item of `/generate`. `index` is set in streams only. */
export function abortedItem(rid: string, message: string, index?: number): Buffer {
  const item = {
    text: '',
    output_ids: [],
    meta_info: {
      id: rid,
      finish_reason: { type: 'abort', message, status_code: null, err_type: null },
      prompt_tokens: 0,
      completion_tokens: 0,
      cached_tokens: 0,
    },
    ...(index === undefined ? {} : { index }),
  }
  return Buffer.from(JSON.stringify(item))
}

/** The choice of an OpenAI endpoint with samples. */
export function abortedChoice(endpoint: GenerationEndpoint, isStream: boolean, index: number): Buffer {
  const choice = {
    index,
    ...outputOf(endpoint, isStream),
    logprobs: null,
    finish_reason: 'abort',
    matched_stop: null,
  }
  return Buffer.from(JSON.stringify(choice))
}

function outputOf(endpoint: GenerationEndpoint, isStream: boolean): object {
  if (endpoint === 'completions') return { text: '' }
  return isStream ? { delta: {} } : { message: { role: 'assistant', content: '' } }
}
