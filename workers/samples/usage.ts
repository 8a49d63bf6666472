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
  /** Which prompt it is of. */
  readonly prompt: number
}

/** The members are those of the first part. */
export function mergeUsage(parts: readonly PartUsage[]): string {
  const usages = parts.map(({ text, prompt }) => ({ usage: parseUsage(text), prompt }))
  const all = usages.map(({ usage }) => usage)
  const perPrompt = onePerPrompt(usages)
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

/** The first usage of each prompt that counts it. That of a sample that was aborted before its prompt was read may not. */
function onePerPrompt(usages: readonly { readonly usage: Usage; readonly prompt: number }[]): Usage[] {
  const chosen = new Map<number, Usage>()
  for (const { usage, prompt } of usages) {
    const known = chosen.get(prompt)
    if (known === undefined || (!countsPrompt(known) && countsPrompt(usage))) chosen.set(prompt, usage)
  }
  return [...chosen.values()]
}

function countsPrompt({ prompt_tokens: count }: Usage): boolean {
  return typeof count === 'number' && count > 0
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
