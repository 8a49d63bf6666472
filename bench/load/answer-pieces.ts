/** What one JSON object of an answer says, in the shape of each endpoint. Pure. */
import type { Endpoint } from './plan.ts'

export interface AnswerPiece {
  /** Text of the choice: the whole so far for `/generate`, what is new for the others. */
  readonly text: string
  /** `text` holds all that was said so far. */
  readonly isCumulative: boolean
  readonly finish: string | undefined
  readonly promptTokens: number | undefined
  readonly completionTokens: number | undefined
  /** The error in it, as text. */
  readonly error: string | undefined
}

export function pieceOf(endpoint: Endpoint, value: unknown): AnswerPiece {
  const error = member(value, 'error')
  // sglang's other error shape: the object itself.
  const isError = error !== undefined || member(value, 'object') === 'error'
  const found = endpoint === 'generate' ? nativePiece(value) : openAiPiece(value)
  return { ...found, error: isError ? JSON.stringify(error ?? value) : undefined }
}

function nativePiece(value: unknown): Omit<AnswerPiece, 'error'> {
  const meta = member(value, 'meta_info')
  const ids = member(value, 'output_ids')
  const completionTokens = asNumber(member(meta, 'completion_tokens'))
  return {
    text: asText(member(value, 'text')),
    // Engines may be told to send deltas: then there are fewer ids than tokens.
    isCumulative: !Array.isArray(ids) || ids.length === completionTokens,
    finish: asFinish(member(member(meta, 'finish_reason'), 'type') ?? member(meta, 'finish_reason')),
    promptTokens: asNumber(member(meta, 'prompt_tokens')),
    completionTokens,
  }
}

function openAiPiece(value: unknown): Omit<AnswerPiece, 'error'> {
  const choices = member(value, 'choices')
  const choice: unknown = Array.isArray(choices) ? choices[0] : undefined
  const message = member(choice, 'delta') ?? member(choice, 'message')
  const usage = member(value, 'usage')
  return {
    text: asText(message === undefined ? member(choice, 'text') : member(message, 'content')),
    isCumulative: false,
    finish: asFinish(member(choice, 'finish_reason')),
    promptTokens: asNumber(member(usage, 'prompt_tokens')),
    completionTokens: asNumber(member(usage, 'completion_tokens')),
  }
}

/** `undefined` also for null: wire formats do not tell them apart. */
export function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  const found: unknown = Reflect.get(value, name)
  return found === null ? undefined : found
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
