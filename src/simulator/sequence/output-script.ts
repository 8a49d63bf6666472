/**
 * The output of an engine. It depends only on the prompt text and a seed, not on engine, role, rid, room or attempt, so
 * that a client can check every token, whichever engine produced it.
 *
 * - Prompt text of a chat: the contents of all messages, joined by newlines. Content parts are joined without a
 *   separator; a part without `text` counts as `<image>`. Roles are ignored.
 * - Prompt text of `input_ids`: the ids, joined by spaces.
 * - Length: the requested number of tokens, with finish reason "length". If the prompt contains `<stop:N>`, the output
 *   ends after N tokens and the end token with finish reason "stop", unless `ignore_eos` is set or fewer tokens were
 *   requested.
 * - Temperature, top_p, stop strings and the seed of the request are ignored. All n choices are equal.
 */
import { mix } from '../../core/random.ts'
import { END_TOKEN, SPLIT_CHARACTER, TOKENS, type Token } from './vocabulary.ts'

export interface ScriptOptions {
  readonly seed: number
  readonly maxTokens: number
  readonly ignoreEos?: boolean
}

/** The output as a rule: tokens are computed when they are read, so that a long script costs nothing. */
export interface Script {
  readonly hash: number
  /** Number of tokens, including the end token. */
  readonly length: number
  readonly finish: 'stop' | 'length'
}

export interface WrittenScript {
  readonly tokenIds: number[]
  /** Text of each token; empty for a token that is only the first half of a character. */
  readonly pieces: string[]
  readonly finish: 'stop' | 'length'
}

export interface ChatMessage {
  readonly content?: unknown
}

export function scriptOf(promptText: string, options: ScriptOptions): Script {
  const hash = mix(hashText(promptText) ^ mix(options.seed))
  const stopAfter = options.ignoreEos === true ? undefined : stopMarkOf(promptText)
  if (stopAfter !== undefined && stopAfter < options.maxTokens) {
    return { hash, length: stopAfter + 1, finish: 'stop' }
  }
  return { hash, length: options.maxTokens, finish: 'length' }
}

/** The token at a position from 0 to `script.length - 1`. */
export function tokenAt(script: Script, position: number): Token {
  if (script.finish === 'stop' && position === script.length - 1) return END_TOKEN
  // Positions 1 and 2, 3 and 4, ... may be two tokens for one character. Position 0 always has text of its own.
  const pair = (position + 1) >>> 1
  if (position > 0 && mix(script.hash ^ Math.imul(pair, 0x27d4eb2f)) % 32 === 0) {
    return SPLIT_CHARACTER[position % 2 === 1 ? 0 : 1]
  }
  return TOKENS[mix(script.hash + Math.imul(position + 1, 0x9e3779b9)) % TOKENS.length] ?? END_TOKEN
}

/** All tokens of a script. */
export function scriptFor(
  promptText: string,
  seed: number,
  maxTokens: number,
  ignoreEos = false,
): WrittenScript {
  const script = scriptOf(promptText, { seed, maxTokens, ignoreEos })
  const tokens = Array.from({ length: script.length }, (_, position) => tokenAt(script, position))
  return {
    tokenIds: tokens.map(token => token.id),
    pieces: tokens.map(token => token.piece),
    finish: script.finish,
  }
}

export function expectedText(promptText: string, seed: number, maxTokens: number, ignoreEos = false): string {
  return scriptFor(promptText, seed, maxTokens, ignoreEos).pieces.join('')
}

export function chatPromptText(messages: readonly ChatMessage[]): string {
  return messages.map(message => contentText(message.content)).join('\n')
}

export function idsPromptText(ids: readonly number[]): string {
  return ids.join(' ')
}

/** FNV-1a over UTF-16 code units. */
function hashText(text: string): number {
  let hash = 0x811c9dc5
  for (let position = 0; position < text.length; position++) {
    hash = Math.imul(hash ^ text.charCodeAt(position), 0x01000193)
  }
  return hash >>> 0
}

function stopMarkOf(text: string): number | undefined {
  const from = text.indexOf('<stop:')
  if (from < 0) return undefined
  const mark = /^<stop:(\d+)>/.exec(text.slice(from, from + 20))
  return mark === null ? undefined : Number(mark[1])
}

function contentText(content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content.map(partText).join('')
}

function partText(part: unknown): string {
  const isText = typeof part === 'object' && part !== null && 'text' in part && typeof part.text === 'string'
  return isText ? String(part.text) : '<image>'
}
