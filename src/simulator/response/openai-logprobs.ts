/** Logprobs in the formats of the two OpenAI routes, as JSON; `null` if none were requested. */
import {
  inputTokens,
  type LogprobSide,
  logprobOf,
  outputToken,
  type PositionedToken,
  topRows,
} from '../sequence/logprobs.ts'
import type { Sequence } from '../sequence/sequence.ts'

/** `choices[].logprobs` of a chat response, for the output tokens from index `from` on. */
export function chatLogprobs(sequence: Sequence, from: number): string {
  const wanted = sequence.spec.logprobs
  if (wanted === undefined) return 'null'
  const content = outputsFrom(sequence, from).map(token => {
    const entry = chatEntry(token.text, logprobOf(token.id, token.position))
    const top = topRows(token, wanted.top, true).map(([logprob, , text]) =>
      chatEntry(text ?? '', logprob ?? 0),
    )
    return Object.assign(entry, { top_logprobs: top })
  })
  return JSON.stringify({ content })
}

/** `choices[].logprobs` of a completions response. With `echo` it starts with the prompt, if `side` has its logprobs. */
export function completionsLogprobs(sequence: Sequence, from: number, side: LogprobSide): string {
  const wanted = sequence.spec.logprobs
  if (wanted === undefined) return 'null'
  const inputs = side.hasInput && wanted.startLen >= 0 ? inputTokens(sequence, wanted.startLen) : []
  const tokens = [...inputs, ...outputsFrom(sequence, from)]
  const isFirstInput = (index: number) => index === 0 && inputs.length > 0
  return JSON.stringify({
    text_offset: tokens.map(() => -1),
    token_logprobs: tokens.map((token, index) =>
      isFirstInput(index) ? null : logprobOf(token.id, token.position),
    ),
    tokens: tokens.map(token => token.text),
    top_logprobs: tokens.map((token, index) => (isFirstInput(index) ? null : topMap(token, wanted.top))),
  })
}

function outputsFrom(sequence: Sequence, from: number): PositionedToken[] {
  return Array.from({ length: sequence.produced - from }, (_, index) => outputToken(sequence, from + index))
}

function topMap(token: PositionedToken, top: number): Record<string, number> {
  return Object.fromEntries(topRows(token, top, true).map(([logprob, , text]) => [text ?? '', logprob ?? 0]))
}

function chatEntry(token: string, logprob: number): { token: string; bytes: number[]; logprob: number } {
  return { token, bytes: [...Buffer.from(token)], logprob }
}
