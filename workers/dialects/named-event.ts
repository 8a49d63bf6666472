/** What the APIs have in common whose events say by their `type` what they are. Pure. */
import { isObject, type Json, parseObject } from '../../src/core/text/parse-json.ts'
import { asBuffer, BYTE } from '../json/bytes.ts'
import { isLineEnd } from '../sse/events.ts'
import { type Classification, NEUTRAL, notJson } from './classification.ts'
import type { Dialect } from './dialect.ts'
import { findError } from './error-inside-200.ts'
import type { CachedPrompt } from './response-summary.ts'

/** All but what each of the APIs has of its own. */
type NamedEventDialect = Omit<Dialect, 'echoes' | 'classifyBody' | 'classifyData' | 'meaningOf'>

/** What the dialects share whose streams end with an event of one of these types. `usageType`: where the usage is, if not there. */
export function endingWith(ends: readonly string[], usageType?: string): NamedEventDialect {
  const mayHoldEnd = holding(ends)
  const mayHoldUsage = usageType === undefined ? undefined : holding([usageType])
  return {
    isOptional: true,
    // Bodies are small and parsed once, and most events are not read at all.
    summarizeBody: () => undefined,
    summarizeData: () => undefined,
    isEnd: ({ data }) => mayHoldEnd(data) && ends.includes(typeOf(data)),
    mayHoldSigns: (block, awaitsUsage) =>
      mayHoldEnd(block) || mayHoldError(block) || (awaitsUsage && mayHoldUsage?.(block) === true),
    mayHoldFailure: holding(['error']),
    mayHoldUsage: mayHoldUsage ?? mayHoldEnd,
  }
}

/** Classifies a payload by `read` or, if that does not know it, by its error. */
export function classifyTyped(
  text: string,
  read: (payload: Json) => Classification | undefined,
): Classification {
  const payload = parseObject(text)
  if (payload === undefined) return notJson(text)
  return read(payload) ?? findError(payload) ?? NEUTRAL
}

/** `type` of an event; empty if its data has none. */
function typeOf(data: Uint8Array): string {
  const type = parseObject(asBuffer(data).toString('utf8'))?.['type']
  return typeof type === 'string' ? type : ''
}

/** An event that shows how many tokens the prompt has, but no token of the output. */
export function promptOnly(promptTokens: number | undefined, cached?: CachedPrompt): Classification {
  return promptTokens === undefined ? NEUTRAL : { kind: 'neutral', promptTokens, ...(cached && { cached }) }
}

/** A response that has ended, which is good even without a token. */
export function endOf(
  hasToken: boolean,
  promptTokens: number | undefined,
  cached: CachedPrompt | undefined,
): Classification {
  const end = { kind: 'good', promptTokens, ...(cached && { cached }) } as const
  return hasToken ? { ...end, hasToken } : { ...end, hasToken, tokenlessEnd: 'other' }
}

/** A search for words in quotes, which no text inside a JSON string can hold. */
function holding(words: readonly string[]): (bytes: Uint8Array) => boolean {
  const quoted = words.map(word => Buffer.from(`"${word}"`))
  return bytes => quoted.some(word => asBuffer(bytes).includes(word))
}

const ERROR = Buffer.from('error')

/** Whether the word is a whole string in JSON, or ends the line of a field, as the name of an event does. */
function mayHoldError(block: Uint8Array): boolean {
  const bytes = asBuffer(block)
  for (let start = bytes.indexOf(ERROR); start >= 0; start = bytes.indexOf(ERROR, start + ERROR.length)) {
    const [before, after] = [bytes[start - 1], bytes[start + ERROR.length]]
    if (before === BYTE.quote && after === BYTE.quote) return true
    if ((before === BYTE.space || before === BYTE.colon) && isLineEnd(after)) return true
  }
  return false
}

export function objectAt(holder: Json, key: string): Json {
  const value = holder[key]
  return isObject(value) ? value : {}
}

export function listAt(holder: Json, key: string): readonly unknown[] {
  const value = holder[key]
  return Array.isArray(value) ? value : []
}

/** The count; `undefined` if it is missing or 0, which engines send where they do not know it. */
export function countAt(holder: Json, key: string): number | undefined {
  const value = holder[key]
  return typeof value === 'number' && value > 0 ? value : undefined
}
