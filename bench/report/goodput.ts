/** Goodput: the rate of correct responses that stayed within every limit. Pure. */
import type { RequestRecord } from '../load/records/record.ts'
import type { LoadResult } from '../load/records/result.ts'

export const SLO_METRICS = ['ttft', 'tpot', 'e2el'] as const

/** Limits in milliseconds; a metric without one is not limited. */
export type Limits = Readonly<Partial<Record<(typeof SLO_METRICS)[number], number>>>

/** In requests per second. Failed, refused and slow requests do not count. */
export function goodputOf({ records }: LoadResult, limits: Limits, durationSeconds: number): number {
  const good = records.filter(record => record.outcome === 'ok' && isWithin(record, limits))
  return durationSeconds === 0 ? 0 : good.length / durationSeconds
}

function isWithin(record: RequestRecord, limits: Limits): boolean {
  return SLO_METRICS.every(metric => (timeOf(record, metric) ?? 0) <= (limits[metric] ?? Infinity))
}

/** The metric as vLLM defines it; undefined if the response has no such time. */
export function timeOf(record: RequestRecord, metric: (typeof SLO_METRICS)[number]): number | undefined {
  const { sentMs, firstTokenMs, endMs, outputTokens } = record
  switch (metric) {
    case 'ttft':
      return firstTokenMs === undefined ? undefined : firstTokenMs - sentMs
    case 'tpot':
      return firstTokenMs === undefined || outputTokens < 2
        ? undefined
        : (endMs - firstTokenMs) / (outputTokens - 1)
    case 'e2el':
      return endMs - sentMs
  }
}
