/** Merges the token counts of n samples: the prompt counts once, the output of all samples is added up. */

type Usage = Record<string, unknown>

/** `texts` are `usage` objects as JSON, in the order of the samples. Members other than output counts are the first's. */
export function mergeUsage(texts: readonly string[]): string {
  const usages = texts.map(parseUsage)
  const first = usages[0] ?? {}
  const outputTokens = sumOf(usages, 'completion_tokens')
  const merged: Usage = {
    ...first,
    completion_tokens: outputTokens,
    total_tokens: countOf(first, 'prompt_tokens') + outputTokens,
  }
  if ('reasoning_tokens' in first) merged['reasoning_tokens'] = sumOf(usages, 'reasoning_tokens')
  return JSON.stringify(merged)
}

function parseUsage(text: string): Usage {
  const value: unknown = JSON.parse(text)
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

function sumOf(usages: readonly Usage[], key: string): number {
  return usages.reduce((sum, usage) => sum + countOf(usage, key), 0)
}

function countOf(usage: Usage, key: string): number {
  const value = usage[key]
  return typeof value === 'number' ? value : 0
}
