/**
 * The words that simulated engines speak, with the JSON form of each made once.
 *
 * Four of them are wider than one byte, two need JSON escapes, and one character (a face) comes as two
 * tokens, the first of which decodes to nothing: what a byte-level tokenizer does.
 */

export interface Token {
  readonly id: number
  readonly piece: string
  /** `piece` as the inside of a JSON string. */
  readonly json: string
}

/** End of sequence: part of `output_ids`, never of the text. */
export const END_TOKEN: Token = { id: 128009, piece: '', json: '' }

const FIRST_ID = 1000

const WORDS =
  ' the of and to in is that it was for on are as with his they at be this from have or by one had not but what' +
  ' all were when we there can an your which their said if do will each about how up out them then she many some' +
  ' so these would other into has more her two like him see time could no make than first been its who now people' +
  ' my made over did down only way find use may water long little very after words called just where most know'

const SPECIAL = [' naïve', ' 日本', ' Ωmega', ' 🚀', ' "quoted"', '\n', '.', ',']

const HALF_FACE = ''
const FACE = '🙂'

const PIECES: readonly string[] = [
  ...WORDS.trim()
    .split(' ')
    .map(word => ` ${word}`),
  ...SPECIAL,
]

/** Tokens that may stand anywhere. */
export const TOKENS: readonly Token[] = PIECES.map((piece, index) => tokenOf(FIRST_ID + index, piece))

/** Two tokens for one character: the first decodes to nothing yet. */
export const SPLIT_CHARACTER: readonly [Token, Token] = [
  tokenOf(FIRST_ID + PIECES.length, HALF_FACE),
  tokenOf(FIRST_ID + PIECES.length + 1, FACE),
]

function tokenOf(id: number, piece: string): Token {
  return { id, piece, json: JSON.stringify(piece).slice(1, -1) }
}
