/** Log probabilities. They are a function of the token and its position, so that all engines return the same values. */
import { mix } from '../../core/random.ts'
import { tokenAt } from './output-script.ts'
import type { LogprobParameters, Sequence } from './sequence.ts'
import { promptTokenId, promptTokenText } from './tokenizer.ts'

/** `[logprob, token id, text]` as SGLang writes it. */
export type LogprobRow = readonly [logprob: number | null, tokenId: number, text: string | null]

export interface PositionedToken {
  readonly id: number
  readonly text: string
  /** Position in the concatenation of prompt and output. */
  readonly position: number
}

/** There are no more likely tokens than this at a position. */
const VOCABULARY_TOKENS = 20_000

/** Between -8 and 0, with four decimal places. */
export function logprobOf(tokenId: number, position: number): number {
  return -(mix(tokenId * 31 + position * 7919) % 80_000) / 10_000
}

/** The `top` most likely tokens at the position of `token`, most likely first. The first one is `token` itself. */
export function topRows(token: PositionedToken, top: number, withText: boolean): LogprobRow[] {
  const rows: LogprobRow[] = []
  const chosen = logprobOf(token.id, token.position)
  for (let rank = 0; rank < Math.min(top, VOCABULARY_TOKENS); rank++) {
    const id = rank === 0 ? token.id : 100_000 + (mix(token.id + rank) % VOCABULARY_TOKENS)
    const text = rank === 0 ? token.text : `~${rank}`
    rows.push([Number((chosen - rank / 2).toFixed(4)), id, withText ? text : null])
  }
  return rows
}

export function outputToken(sequence: Sequence, index: number): PositionedToken {
  const token = tokenAt(sequence.script, index)
  return { id: token.id, text: token.piece, position: sequence.spec.prompt.tokens + index }
}

function promptToken(sequence: Sequence, position: number): PositionedToken {
  const { prompt } = sequence.spec
  return { id: promptTokenId(prompt, position), text: promptTokenText(prompt, position), position }
}

/** The logprob fields of `meta_info` for the output tokens from index `from` on. */
export function logprobFields(sequence: Sequence, from: number, side: LogprobSide): object {
  const wanted = sequence.spec.logprobs
  if (wanted === undefined) return {}
  const outputs = Array.from({ length: sequence.produced - from }, (_, index) =>
    outputToken(sequence, from + index),
  )
  const inputs = side.hasInput && wanted.startLen >= 0 ? inputTokens(sequence, wanted.startLen) : []
  const row = (token: PositionedToken): LogprobRow => [
    logprobOf(token.id, token.position),
    token.id,
    wanted.withText ? token.text : null,
  ]
  const top = (token: PositionedToken) => topRows(token, wanted.top, wanted.withText)
  const ids = (token: PositionedToken) => namedRows(token, wanted)
  // A KV transfer does not carry these for the first token: decode leaves the row out, or pads it with null.
  const isFirstUnknown = side.firstIdsRow !== 'known' && from === 0
  const idRows = isFirstUnknown
    ? [...(side.firstIdsRow === 'null' ? [null] : []), ...outputs.slice(1).map(ids)]
    : outputs.map(ids)
  return {
    input_token_logprobs: firstNull(inputs.map(row)),
    output_token_logprobs: outputs.map(row),
    output_token_logprobs_length: sequence.produced,
    ...(wanted.top > 0 && {
      ...(wanted.isFlat
        ? flatTop(inputs.slice(1).map(top), inputs.length > 0)
        : { input_top_logprobs: inputs.map((token, index) => (index === 0 ? null : top(token))) }),
      output_top_logprobs: outputs.map(top),
    }),
    ...(wanted.tokenIds !== undefined && {
      input_token_ids_logprobs: inputs.map((token, index) => (index === 0 ? null : ids(token))),
      output_token_ids_logprobs: idRows,
    }),
  }
}

/** The first token has no logprob, because no token precedes it. */
function firstNull(rows: LogprobRow[]): LogprobRow[] {
  return rows.map((row, index) => (index === 0 ? [null, row[1], row[2]] : row))
}

/** Which logprobs an engine of a role can return. */
export interface LogprobSide {
  /** Logprobs of the prompt. Prefill and mixed engines have them. */
  readonly hasInput: boolean
  /** The row of the first token in `output_token_ids_logprobs`. Decode engines do not know it. */
  readonly firstIdsRow: 'known' | 'missing' | 'null'
}

export function inputTokens(sequence: Sequence, startLen: number): PositionedToken[] {
  const count = Math.max(0, sequence.spec.prompt.tokens - startLen)
  return Array.from({ length: count }, (_, index) => promptToken(sequence, startLen + index))
}

function namedRows(
  token: PositionedToken,
  { tokenIds = [], withText }: Pick<LogprobParameters, 'tokenIds' | 'withText'>,
): LogprobRow[] {
  return tokenIds.map(id => [logprobOf(id, token.position), id, withText ? `~${id}` : null])
}

/** All rows one after another (SGLang 0.5.23). The first tokens, which nothing precedes, are only counted. */
function flatTop(rows: readonly LogprobRow[][], hasFirst: boolean): object {
  return {
    input_top_logprobs_val_flat: rows.flat().map(([logprob]) => logprob),
    input_top_logprobs_idx_flat: rows.flat().map(([, id]) => id),
    input_top_logprobs_shape: [rows.length, rows[0]?.length ?? 0],
    input_top_logprobs_null_prefix: hasFirst ? 1 : 0,
  }
}
