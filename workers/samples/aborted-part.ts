/**
 * What a client gets for a part that it has aborted by rid before the engines had anything to send: the form in which a
 * single engine ends such a prompt (SGLang 0.5.23), but for the version of the weights, which is not known. Pure.
 */
import type { GenerationEndpoint } from '../../src/core/endpoint.ts'

/** Clients that have asked for logprobs read these; others do not mind. */
const NO_LOGPROBS = {
  input_token_logprobs: [],
  output_token_logprobs: [],
  output_token_logprobs_length: 0,
}

/** The item of `/generate`. `index` is set in streams only. */
export function abortedItem(rid: string, message: string, index?: number): object {
  return {
    text: '',
    output_ids: [],
    meta_info: {
      id: rid,
      finish_reason: { type: 'abort', message, status_code: null, err_type: null },
      prompt_tokens: 0,
      completion_tokens: 0,
      cached_tokens: 0,
      ...NO_LOGPROBS,
    },
    ...(index === undefined ? {} : { index }),
  }
}

/** The choice of an OpenAI endpoint with samples. */
export function abortedChoice(endpoint: GenerationEndpoint, isStream: boolean, index: number): object {
  return {
    index,
    ...outputOf(endpoint, isStream),
    logprobs: null,
    finish_reason: 'abort',
    matched_stop: null,
  }
}

/** A stream names the role, too, because no chunk may have come before, and client libraries want it once. */
function outputOf(endpoint: GenerationEndpoint, isStream: boolean): object {
  if (endpoint === 'completions') return { text: '' }
  const message = { role: 'assistant', content: '' }
  return isStream ? { delta: message } : { message }
}
