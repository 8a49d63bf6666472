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
 * - A request with a JSON schema or a tool call has the text of a JSON document instead of random words, with finish
 *   reason "stop" unless fewer tokens were requested.
 * - Stop strings end the output at their first occurrence, which is not part of it.
 * - Temperature, top_p and the seed of the request are ignored. All n choices are equal.
 */
import { mix } from '../../core/random.ts'
import { END_TOKEN, SPLIT_CHARACTER, TOKENS, type Token, textTokens, withPiece } from './vocabulary.ts'

export interface ScriptOptions {
  readonly seed: number
  readonly maxTokens: number
  readonly ignoreEos?: boolean
  /** The text of the output instead of random words. */
  readonly content?: string | undefined
  /** Strings that end the output. */
  readonly stop?: readonly string[]
}

/** The output as a rule: tokens are computed when they are read, so that a long script costs nothing. */
export interface Script {
  readonly hash: number
  /** Number of tokens, including the end token. */
  readonly length: number
  readonly finish: 'stop' | 'length'
  /** What ends a script with the finish "stop": the id of the end token, or a stop string. */
  readonly matched: number | string
  /** All tokens, if they are not drawn. */
  readonly tokens?: readonly Token[]
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
  const whole = unstoppedScript(promptText, options)
  return options.stop === undefined || options.stop.length === 0 ? whole : stoppedAt(options.stop, whole)
}

function unstoppedScript(promptText: string, options: ScriptOptions): Script {
  const hash = mix(hashText(promptText) ^ mix(options.seed))
  const tokens = options.content === undefined ? undefined : [...textTokens(options.content), END_TOKEN]
  const stopAfter = options.ignoreEos === true ? undefined : stopMarkOf(promptText)
  const endsAfter = tokens?.length ?? (stopAfter === undefined ? Infinity : stopAfter + 1)
  const isWhole = endsAfter <= options.maxTokens
  return {
    hash,
    length: isWhole ? endsAfter : options.maxTokens,
    finish: isWhole ? 'stop' : 'length',
    matched: END_TOKEN.id,
    ...(tokens !== undefined && { tokens }),
  }
}

/** The script up to the first of the stop strings. Tokens that held a part of it lose that part of their text. */
function stoppedAt(stop: readonly string[], script: Script): Script {
  const longest = Math.max(...stop.map(text => text.length))
  const tokens: Token[] = []
  let text = ''
  for (let position = 0; position < script.length; position++) {
    const token = tokenAt(script, position)
    const from = Math.max(0, text.length - longest)
    tokens.push(token)
    text += token.piece
    const found = firstOf(stop, text, from)
    if (found === undefined) continue
    return {
      ...script,
      length: tokens.length,
      finish: 'stop',
      matched: found.text,
      tokens: cutTo(tokens, found.at),
    }
  }
  return script
}

function firstOf(
  stop: readonly string[],
  text: string,
  from: number,
): { at: number; text: string } | undefined {
  const found = stop
    .filter(candidate => candidate !== '')
    .map(candidate => ({ at: text.indexOf(candidate, from), text: candidate }))
    .filter(({ at }) => at >= 0)
  return found.toSorted((a, b) => a.at - b.at)[0]
}

/** The tokens with only the first `length` characters of their text. */
function cutTo(tokens: readonly Token[], length: number): Token[] {
  let left = length
  return tokens.map(token => {
    const piece = token.piece.slice(0, left)
    left -= piece.length
    return piece === token.piece ? token : withPiece(token, piece)
  })
}

/** The token at a position from 0 to `script.length - 1`. */
export function tokenAt(script: Script, position: number): Token {
  if (script.tokens !== undefined) return script.tokens[position] ?? END_TOKEN
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
