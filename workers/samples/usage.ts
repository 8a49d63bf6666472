/** Merges the token counts of n samples: the prompt counts once, the output of all samples is added up. */

type Usage = Record<string, unknown>

/** `texts` are `usage` objects as JSON, in the order of the samples. Members other than output counts are the first's. */
export function mergeUsage(texts: readonly string[]): string {
  const all = texts.map(parseUsage)
  const first = all[0] ?? {}
  const outputTokens = sumOf(all, 'completion_tokens')
  const merged: Usage = {
    ...first,
    completion_tokens: outputTokens,
    total_tokens: countOf(first, 'prompt_tokens') + outputTokens,
  }
  if ('reasoning_tokens' in first) merged['reasoning_tokens'] = sumOf(all, 'reasoning_tokens')
  return JSON.stringify(merged)
}

function parseUsage(text: string): Usage {
  const value: unknown = JSON.parse(text)
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

function sumOf(all: readonly Usage[], key: string): number {
  return all.reduce((sum, usage) => sum + countOf(usage, key), 0)
}

function countOf(usage: Usage, key: string): number {
  const value = usage[key]
  return typeof value === 'number' ? value : 0
}
