/**
 * The output vocabulary of simulated engines, with the JSON form of each token precomputed.
 *
 * Four tokens have multi-byte characters and two need JSON escapes. One character, an emoji, consists of two tokens; the
 * first of them decodes to an empty string, as with a byte-level tokenizer.
 */

import { mix } from '../../core/random.ts'

export interface Token {
  readonly id: number
  readonly piece: string
  /** `piece` as the content of a JSON string, without quotes. */
  readonly json: string
}

/** The end-of-sequence token. It is in `output_ids`, but has no text. */
export const END_TOKEN: Token = { id: 128009, piece: '', json: '' }

const FIRST_ID = 1000

const WORDS =
  ' the of and to in is that it was for on are as with his they at be this from have or by one had not but what' +
  ' all were when we there can an your which their said if do will each about how up out them then she many some' +
  ' so these would other into has more her two like him see time could no make than first been its who now people' +
  ' my made over did down only way find use may water long little very after words called just where most know'

const SPECIAL = [' naïve', ' 日本', ' Ωmega', ' 🚀', ' "quoted"', '\n', '.', ',']

const HALF_EMOJI = ''
const EMOJI = '🙂'

const PIECES: readonly string[] = [
  ...WORDS.trim()
    .split(' ')
    .map(word => ` ${word}`),
  ...SPECIAL,
]

/** Tokens that may occur at any position. */
export const TOKENS: readonly Token[] = PIECES.map((piece, index) => tokenOf(FIRST_ID + index, piece))

/** The two tokens of one character. The first one has no text. */
export const SPLIT_CHARACTER: readonly [Token, Token] = [
  tokenOf(FIRST_ID + PIECES.length, HALF_EMOJI),
  tokenOf(FIRST_ID + PIECES.length + 1, EMOJI),
]

/** Ids of the tokens of `textTokens` start here. */
const FIRST_TEXT_ID = 20_000
const TEXT_IDS = 80_000
const TEXT_TOKEN_LENGTH = 4

/** Any text as tokens of up to four characters. A character is never divided. */
export function textTokens(text: string): Token[] {
  const characters = Array.from(text)
  const tokens: Token[] = []
  for (let from = 0; from < characters.length; from += TEXT_TOKEN_LENGTH) {
    const piece = characters.slice(from, from + TEXT_TOKEN_LENGTH).join('')
    tokens.push(tokenOf(FIRST_TEXT_ID + (hashOf(piece) % TEXT_IDS), piece))
  }
  return tokens
}

/** The same token with another text. */
export function withPiece({ id }: Token, piece: string): Token {
  return tokenOf(id, piece)
}

function hashOf(piece: string): number {
  let hash = 0
  for (const character of piece) hash = mix(hash ^ (character.codePointAt(0) ?? 0))
  return hash
}

function tokenOf(id: number, piece: string): Token {
  return { id, piece, json: JSON.stringify(piece).slice(1, -1) }
}
