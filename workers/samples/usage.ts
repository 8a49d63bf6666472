/** Token counts of several samples as one request: the prompt counts once, what was made counts in full. */

type Usage = Record<string, unknown>

/** `texts` are `usage` objects as JSON, the first sample's first. What is not a count of tokens made is the first's. */
export function mergeUsage(texts: readonly string[]): string {
  const all = texts.map(parseUsage)
  const first = all[0] ?? {}
  const made = sumOf(all, 'completion_tokens')
  const merged: Usage = {
    ...first,
    completion_tokens: made,
    total_tokens: countOf(first, 'prompt_tokens') + made,
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
