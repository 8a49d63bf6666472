/** How far the gateway's predictions of cached tokens are from what engines report, from its metrics. Pure. */

/** Token counts of the gateway since its start, by engine. */
export type PromptCounts = ReadonlyMap<string, Readonly<Record<CountName, number>>>

const COUNT_NAMES = ['prompt', 'cached', 'predicted'] as const

type CountName = (typeof COUNT_NAMES)[number]

const LINE = /^pdgw_engine_(prompt|cached|predicted)_tokens_total\{[^}\n]*engine="([^"]*)"[^}\n]*\} (\S+)$/gm

/** `metrics` is the Prometheus text of the gateway. */
export function promptCounts(metrics: string): PromptCounts {
  const counts = new Map<string, Record<CountName, number>>()
  for (const [, name = '', engine = '', value = ''] of metrics.matchAll(LINE)) {
    const found = COUNT_NAMES.find(known => known === name)
    const own = counts.get(engine) ?? { prompt: 0, cached: 0, predicted: 0 }
    if (found !== undefined) counts.set(engine, { ...own, [found]: Number(value) })
  }
  return counts
}

/**
 * The predicted minus the reported share of cached tokens between two readings, in percentage points, over all engines;
 * undefined if no prompt was computed. An engine that has left meanwhile does not count.
 */
export function predictionGap(before: PromptCounts, after: PromptCounts): number | undefined {
  let [prompt, difference] = [0, 0]
  for (const [engine, now] of after) {
    const then = before.get(engine) ?? { prompt: 0, cached: 0, predicted: 0 }
    prompt += now.prompt - then.prompt
    difference += now.predicted - then.predicted - (now.cached - then.cached)
  }
  return prompt === 0 ? undefined : (100 * difference) / prompt
}
