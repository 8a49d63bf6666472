/**
 * Recognises a good response by a few byte searches, without parsing it. Hot path: nearly all responses are good, and
 * parsing one costs more than everything else that is done with it.
 *
 * Whatever is not plainly good is left to `done-payload.ts`.
 */

import { cachedPrompt, type ResponseSummary } from './response-summary.ts'
import { mayHoldFailure } from './sign-scan.ts'

const PROMPT_TOKENS = Buffer.from('"prompt_tokens":')
const CACHED_TOKENS = Buffer.from('"cached_tokens":')
const COMPLETION_TOKENS = Buffer.from('"completion_tokens":')
/** Inside a JSON string the quotes would be escaped. */
const LATER_INDEX = /"index": ?[1-9]/
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const SPACE = 0x20
const ZERO = 0x30

/** `body` is one object. `undefined`: it must be parsed. */
export function summarizeFast(body: Buffer): ResponseSummary | undefined {
  if (body[0] !== OPEN_BRACE || body[body.length - 1] !== CLOSE_BRACE) return undefined
  if (mayHoldFailure(body)) return undefined
  const promptTokens = countAfter(body, PROMPT_TOKENS)
  const completionTokens = countAfter(body, COMPLETION_TOKENS)
  if (promptTokens === undefined || !completionTokens) return undefined
  const cached = cachedPrompt(promptTokens, countAfter(body, CACHED_TOKENS))
  return { promptTokens, cached, hasToken: true }
}

/** `data` is the data of one event. `undefined`: it must be parsed, for instance because it may be of a later prompt. */
export function summarizeEventFast(data: Buffer): ResponseSummary | undefined {
  return LATER_INDEX.test(data.toString('latin1')) ? undefined : summarizeFast(data)
}

/** The whole number after the last such key: the counts follow the generated text. */
function countAfter(body: Buffer, key: Buffer): number | undefined {
  const found = body.lastIndexOf(key)
  if (found < 0) return undefined
  let offset = found + key.length
  if (body[offset] === SPACE) offset++
  let count: number | undefined
  for (
    let digit = (body[offset] ?? 0) - ZERO;
    digit >= 0 && digit <= 9;
    digit = (body[++offset] ?? 0) - ZERO
  ) {
    count = (count ?? 0) * 10 + digit
  }
  return count
}
