/** How much of a load was good enough: right answers that kept within every limit, over all that was sent. Pure. */
import type { RequestRecord } from '../load/record.ts'
import type { LoadResult } from '../load/result.ts'

export const SLO_METRICS = ['ttft', 'tpot', 'e2el'] as const

/** Most milliseconds of a request; unset: as long as it likes. */
export type Limits = Readonly<Partial<Record<(typeof SLO_METRICS)[number], number>>>

/** Requests a second; what failed, was refused or was too slow does not count. */
export function goodputOf({ records }: LoadResult, limits: Limits, durationSeconds: number): number {
  const good = records.filter(record => record.outcome === 'ok' && keeps(record, limits))
  return durationSeconds === 0 ? 0 : good.length / durationSeconds
}

function keeps(record: RequestRecord, limits: Limits): boolean {
  return SLO_METRICS.every(metric => (timeOf(record, metric) ?? 0) <= (limits[metric] ?? Infinity))
}

/** As vLLM defines it; undefined when the answer has no such time. */
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
