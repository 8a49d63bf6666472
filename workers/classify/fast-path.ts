/**
 * Tells a good answer by a few byte searches, without parsing it. Hot path: most answers are good, and parsing them
 * costs more than all else that is done with them.
 *
 * Anything that is not plainly good is left to `verdict.ts`.
 */

import { mayHoldFailure } from './failure-scan.ts'
import type { ResponseSummary } from './response-summary.ts'

const PROMPT_TOKENS = Buffer.from('"prompt_tokens":')
const COMPLETION_TOKENS = Buffer.from('"completion_tokens":')
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const SPACE = 0x20
const ZERO = 0x30

/** One object, as a body or as the data of an event. `undefined`: look closer. */
export function summarizeFast(body: Buffer): ResponseSummary | undefined {
  if (body[0] !== OPEN_BRACE || body[body.length - 1] !== CLOSE_BRACE) return undefined
  if (mayHoldFailure(body)) return undefined
  const promptTokens = countAfter(body, PROMPT_TOKENS)
  const made = countAfter(body, COMPLETION_TOKENS)
  return promptTokens === undefined || !made ? undefined : { promptTokens, hasToken: true }
}

/** The whole number after the last such key: the counts stand behind the text. */
function countAfter(body: Buffer, key: Buffer): number | undefined {
  const found = body.lastIndexOf(key)
  if (found < 0) return undefined
  let at = found + key.length
  if (body[at] === SPACE) at++
  let count: number | undefined
  for (let digit = (body[at] ?? 0) - ZERO; digit >= 0 && digit <= 9; digit = (body[++at] ?? 0) - ZERO) {
    count = (count ?? 0) * 10 + digit
  }
  return count
}
