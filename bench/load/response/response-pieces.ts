/** Reads one JSON object of a response: a stream event or a whole body, in the shape of its endpoint. Pure. */
import { member } from '../../json/member.ts'
import type { Endpoint } from '../plan/plan.ts'

export interface ResponsePiece {
  /** Text of the choice: usually all of it so far for `/generate`, only the new part for the other endpoints. */
  readonly text: string
  /** Whether `text` repeats the text of the pieces before it. */
  readonly isCumulative: boolean
  readonly finish: string | undefined
  readonly promptTokens: number | undefined
  /** Prompt tokens that were in the engine's prefix cache. */
  readonly cachedTokens: number | undefined
  readonly completionTokens: number | undefined
  /** The error object as JSON; undefined when the piece is not an error. */
  readonly error: string | undefined
}

export function pieceOf(endpoint: Endpoint, value: unknown): ResponsePiece {
  const error = member(value, 'error')
  // SGLang also sends errors whose fields stand at the top level, with `"object": "error"`.
  const isError = error !== undefined || member(value, 'object') === 'error'
  const found = endpoint === 'generate' ? nativePiece(value) : openAiPiece(value)
  return { ...found, error: isError ? JSON.stringify(error ?? value) : undefined }
}

function nativePiece(value: unknown): Omit<ResponsePiece, 'error'> {
  const meta = member(value, 'meta_info')
  const ids = member(value, 'output_ids')
  const completionTokens = asNumber(member(meta, 'completion_tokens'))
  return {
    text: asText(member(value, 'text')),
    // Engines can be configured to send only the new part: a piece then has fewer ids than the total.
    isCumulative: !Array.isArray(ids) || ids.length === completionTokens,
    finish: asFinish(member(member(meta, 'finish_reason'), 'type') ?? member(meta, 'finish_reason')),
    promptTokens: asNumber(member(meta, 'prompt_tokens')),
    cachedTokens: asNumber(member(meta, 'cached_tokens')),
    completionTokens,
  }
}

function openAiPiece(value: unknown): Omit<ResponsePiece, 'error'> {
  const choices = member(value, 'choices')
  const choice: unknown = Array.isArray(choices) ? choices[0] : undefined
  const message = member(choice, 'delta') ?? member(choice, 'message')
  const usage = member(value, 'usage')
  return {
    text: asText(message === undefined ? member(choice, 'text') : member(message, 'content')),
    isCumulative: false,
    finish: asFinish(member(choice, 'finish_reason')),
    promptTokens: asNumber(member(usage, 'prompt_tokens')),
    cachedTokens: asNumber(member(member(usage, 'prompt_tokens_details'), 'cached_tokens')),
    completionTokens: asNumber(member(usage, 'completion_tokens')),
  }
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function asNumber(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}

function asFinish(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
