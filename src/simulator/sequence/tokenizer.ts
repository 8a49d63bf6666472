/** The simulated tokenizer: a token is four UTF-16 code units of text, its id a hash of them. */
import { mix } from '../../core/random.ts'
import { idsPromptText } from './output-script.ts'
import type { Prompt } from './sequence.ts'

export const CHARS_PER_TOKEN = 4

export function textPrompt(text: string): Prompt {
  return { text, tokens: Math.max(1, Math.ceil(text.length / CHARS_PER_TOKEN)), ids: undefined }
}

export function idsPrompt(ids: readonly number[]): Prompt {
  return { text: idsPromptText(ids), tokens: ids.length, ids }
}

/** The id of the prompt token at a position. */
export function promptTokenId(prompt: Prompt, position: number): number {
  if (prompt.ids !== undefined) return prompt.ids[position] ?? 0
  let hash = 0
  for (const char of promptTokenText(prompt, position))
    hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193)
  return mix(hash) % 100_000
}

/** The text of the prompt token at a position. A token that was sent as an id is written as `<id>`. */
export function promptTokenText(prompt: Prompt, position: number): string {
  if (prompt.ids !== undefined) return `<${prompt.ids[position] ?? 0}>`
  return prompt.text.slice(position * CHARS_PER_TOKEN, (position + 1) * CHARS_PER_TOKEN).toWellFormed()
}
