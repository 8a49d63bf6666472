/**
 * What an engine will say: a function of the prompt and a seed alone. Engine, role, rid, room and attempt
 * play no part, so that any client can check each token that it gets, from whichever engine.
 *
 * - Chat: the contents of all messages, joined by a newline; of a content made of parts the `text`s, and
 *   `<image>` for every other part, joined by nothing. Roles play no part.
 * - `input_ids`: the ids, joined by a space.
 * - Length: the tokens asked for, then finish "length". A prompt that holds `<stop:N>` ends by "stop" after
 *   N tokens and the end token, unless `ignore_eos` is set or fewer tokens were asked for.
 * - Temperature, top_p, stop strings and the request's own seed change nothing; all n choices are the same.
 */
import { mix } from '../../core/hash.ts'
import { END_TOKEN, SPLIT_CHARACTER, TOKENS, type Token } from './vocabulary.ts'

export interface ScriptOptions {
  readonly seed: number
  readonly maxTokens: number
  readonly ignoreEos?: boolean
}

/** Tokens are worked out when asked for: a script of 100 000 tokens costs nothing until it is read. */
export interface Script {
  readonly hash: number
  /** Tokens in all, the end token included. */
  readonly length: number
  readonly finish: 'stop' | 'length'
}

export interface WrittenScript {
  readonly tokenIds: number[]
  /** Text of each token, '' for one that decodes to nothing. */
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

/** The token at a place (0 or more) below `script.length`. */
export function tokenAt(script: Script, position: number): Token {
  if (script.finish === 'stop' && position === script.length - 1) return END_TOKEN
  // Places 1+2, 3+4 ... may be one character in two tokens; place 0 always has a text of its own.
  const couple = (position + 1) >>> 1
  if (position > 0 && mix(script.hash ^ Math.imul(couple, 0x27d4eb2f)) % 32 === 0) {
    return SPLIT_CHARACTER[position % 2 === 1 ? 0 : 1]
  }
  return TOKENS[mix(script.hash + Math.imul(position + 1, 0x9e3779b9)) % TOKENS.length] ?? END_TOKEN
}

/** The whole script, written out. */
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

/** FNV-1a over UTF-16 units: fast enough for prompts of many megabytes. */
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
