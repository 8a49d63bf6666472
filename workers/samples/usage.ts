/**
 * Merges the token counts of the parts of a request: each prompt counts once, the output of all samples is added up, as
 * in a single engine's response (SGLang 0.5.23, `calculate_response_usage`).
 */
import { isObject } from '../../src/core/text/parse-json.ts'

type Usage = Readonly<Record<string, unknown>>

/** Counts of the prompt, and members that hold such counts. All others are counts of the output. */
const OF_THE_PROMPT = new Set(['prompt_tokens', 'prompt_tokens_details'])

export interface PartUsage {
  /** A `usage` object as JSON. */
  readonly text: string
  /** Whether it is that of the first sample of its prompt. */
  readonly countsPrompt: boolean
}

/** The members are those of the first part. */
export function mergeUsage(parts: readonly PartUsage[]): string {
  const usages = parts.map(({ text, countsPrompt }) => ({ usage: parseUsage(text), countsPrompt }))
  const all = usages.map(({ usage }) => usage)
  const perPrompt = usages.filter(({ countsPrompt }) => countsPrompt).map(({ usage }) => usage)
  const merged: Record<string, unknown> = { ...all[0] }
  for (const key of Object.keys(merged))
    merged[key] = sumOf(
      merged[key],
      (OF_THE_PROMPT.has(key) ? perPrompt : all).map(usage => usage[key]),
    )
  const promptTokens = total(perPrompt.map(usage => usage['prompt_tokens']))
  merged['completion_tokens'] = total(all.map(usage => usage['completion_tokens']))
  merged['total_tokens'] = promptTokens + total([merged['completion_tokens']])
  return JSON.stringify(merged)
}

/** Adds up counts, and the counts of objects member by member. Anything else is as in the first part. */
function sumOf(first: unknown, values: readonly unknown[]): unknown {
  if (typeof first === 'number') return total(values)
  const details = values.filter(isObject)
  if (details.length === 0) return first
  const keys = new Set(details.flatMap(detail => Object.keys(detail)))
  return Object.fromEntries([...keys].map(key => [key, memberSum(key, details)]))
}

function memberSum(key: string, details: readonly Usage[]): unknown {
  const values = details.map(detail => detail[key]).filter(value => value !== undefined)
  return values.every(value => typeof value === 'number') ? total(values) : values[0]
}

function total(values: readonly unknown[]): number {
  let sum = 0
  for (const value of values) if (typeof value === 'number') sum += value
  return sum
}

function parseUsage(text: string): Usage {
  const value: unknown = JSON.parse(text)
  return isObject(value) ? value : {}
}
