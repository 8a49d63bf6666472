/** The object of a response and its output item, as `/v1/responses` sends them whole and in events. */
import type { Fields } from '../request/fields.ts'
import type { Sequence } from '../sequence/sequence.ts'
import type { RenderContext } from './renderer.ts'

interface ResponseParts {
  readonly status: string
  readonly output?: readonly object[]
  readonly error?: object | null
  /** Set once it is known what has been generated. */
  readonly sequence?: Sequence
}

export function responseObject(
  { call, createdSeconds, knobs }: RenderContext,
  { status, output = [], error = null, sequence }: ResponseParts,
): object {
  return {
    id: call.sequences[0]?.spec.rid,
    object: 'response',
    created_at: createdSeconds,
    model: call.model,
    output,
    status,
    usage: sequence === undefined ? null : usageOf(sequence, knobs.enableCacheReport),
    ...repeatedOf(call.repeated),
    error,
    incomplete_details: status === 'incomplete' ? { reason: 'max_output_tokens' } : null,
    previous_response_id: null,
    reasoning: { effort: null, summary: null },
    text: call.repeated['text'] ?? (output.length > 0 ? { format: { type: 'text' } } : null),
    truncation: 'disabled',
  }
}

/** The fields of the request that the response repeats, with their defaults. */
const DEFAULTS: Fields = {
  parallel_tool_calls: true,
  tool_choice: 'auto',
  tools: [],
  instructions: null,
  max_output_tokens: null,
  store: true,
  temperature: null,
  top_p: null,
  user: null,
  metadata: {},
}

function repeatedOf(request: Fields): object {
  return Object.fromEntries(Object.entries(DEFAULTS).map(([key, value]) => [key, request[key] ?? value]))
}

interface ItemParts {
  /** `undefined` while nothing has been generated. */
  readonly text: string | undefined
  readonly status: string
}

interface OutputItem {
  readonly id: string
  readonly [field: string]: unknown
}

export function outputItem(
  { call: { tool } }: RenderContext,
  { spec }: Sequence,
  { text, status }: ItemParts,
): OutputItem {
  if (tool !== undefined) {
    const call = { type: 'function_call', call_id: `call_${spec.rid.slice(0, 24)}`, name: tool }
    return { id: `fc_${spec.rid}`, ...call, arguments: text ?? '', status }
  }
  const part = { type: 'output_text', text, annotations: [], logprobs: null }
  const content = text === undefined ? [] : [part]
  const message = { type: 'message', role: 'assistant', content, status, phase: 'final_answer' }
  return { id: `msg_${spec.rid}`, ...message }
}

function usageOf({ promptTokens, cachedTokens, produced }: Sequence, reportsCache: boolean): object {
  return {
    input_tokens: promptTokens,
    input_tokens_details: { cached_tokens: reportsCache ? cachedTokens : 0, cache_write_tokens: 0 },
    output_tokens: produced,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: promptTokens + produced,
  }
}
